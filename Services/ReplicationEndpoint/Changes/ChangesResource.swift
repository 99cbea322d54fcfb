import CouchProtocol
import DesignFunctions
import DocumentStore
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import Settings

/// `/<database>/_changes`: what the caller may see change, in order, at once or live.
struct ChangesResource: Sendable {
    let designs: DesignResource
    let wakeUps: FeedWakeUps
    let rights: FeedRights
    let doors: FeedDoors
    let logger: Logger

    private static let lastEventID = HTTPField.Name("Last-Event-ID")

    init(
        _ settings: SettingReader,
        _ designs: DesignResource,
        _ wakeUps: FeedWakeUps,
        _ authenticator: Authenticator,
        _ hangUps: HangUps,
        _ logger: Logger
    ) throws {
        self.designs = designs
        self.wakeUps = wakeUps
        self.logger = logger
        rights = FeedRights(authenticator: authenticator)
        doors = FeedDoors(try FeedLimits(settings), hangUps: hangUps)
    }

    func respond(to exchange: Exchange, in database: Database) async throws -> Response {
        let method = exchange.method
        guard method == .get || method == .head || method == .post else {
            throw exchange.methodNotAllowed("GET", "POST", "HEAD")
        }
        let body = method == .post ? try await body(of: exchange) : nil
        let request = try FeedRequest(
            exchange.query,
            lastEventID: Self.lastEventID.flatMap { exchange.request.headers[$0] },
            body: body,
            limits: doors.limits
        )
        let source = FeedSource(
            store: designs.store,
            database: database,
            request: request,
            function: try await function(of: request.filter, body, exchange, in: database),
            pageLimit: doors.limits.page
        )
        let format = FeedFormat(request, database)
        let headers: HTTPFields = [.contentType: format.contentType, .cacheControl: format.cacheControl]
        guard method != .head else { return Response(status: .ok, headers: headers) }
        let pass = try doors.open(for: exchange.principal)
        // Before the first look, so that what is committed behind it is not missed.
        let live = wakeUps.enter(
            database.name,
            feeds: exchange.caller.readFeeds,
            documents: request.filter.documents,
            channel: exchange.channel
        )
        let visit = FeedVisit(live, pass, wakeUps, doors, isLive: request.feed.isLive)
        let cursor = try await source.start()
        let principal = exchange.principal
        // A function that fails can be told by a status as long as nothing is sent; signs of life would be late.
        let isProbed = request.filter.needsScript && request.heartbeat == nil
        if isProbed { live.beginLook() }
        let first = isProbed ? try await source.next(cursor, room: request.limit, for: exchange.caller) : nil
        return Response(
            status: .ok,
            headers: headers,
            body: ResponseBody { writer in
                try await write(source, cursor, first, visit, principal, to: &writer)
            }
        )
    }

    /// The function by which a feed is filtered; nil when it is not by one.
    private func function(
        of filter: FeedFilter,
        _ body: JSONObject?,
        _ exchange: Exchange,
        in database: Database
    ) async throws -> FeedFunction? {
        switch filter {
        case .none, .documents, .design, .selector: return nil
        case .view(let design, let name):
            let view = try await designs.design(design, in: database, for: exchange.caller).map(of: name)
            return FeedFunction(functions: view, kind: .view, scripts: designs.scripts)
        case .function(let design, let name):
            let filter = try await designs.design(design, in: database, for: exchange.caller)
                .function(name, of: "filters")
            let request = try await ScriptRequest(
                store: designs.store,
                exchange: exchange,
                database: database,
                body: body.map { String(decoding: JSONValue.object($0).bytes, as: UTF8.self) }
            ).json()
            return FeedFunction(functions: filter, kind: .filter(request: request), scripts: designs.scripts)
        }
    }

    @concurrent private func write(
        _ source: FeedSource,
        _ cursor: FeedSource.Cursor,
        _ first: FeedSource.Stretch?,
        _ visit: FeedVisit,
        _ principal: Principal,
        to writer: inout any ResponseBodyWriter
    ) async throws {
        defer { visit.end() }
        let feed = ChangesFeed(
            source,
            since: cursor,
            first: first,
            live: visit.live,
            for: principal,
            rights: rights,
            wakeUps: wakeUps
        )
        do {
            try await feed.write(to: &writer)
        } catch let error as CouchError {
            // As CouchDB ends an answer that has begun.
            let text: JSONValue = ["error": .string(error.error), "reason": .string(error.reason)]
            try await writer.write(ByteBuffer(bytes: Array("\n\n".utf8) + text.bytes + Array("\n".utf8)))
        } catch {
            // The answer has begun: all that can still be said is that it breaks off.
            if !visit.live.isGone, !(error is CancellationError), !(error is ChannelError) {
                logger.warning("A feed broke off", metadata: ["error": "\(error)"])
            }
            throw error
        }
        try await writer.finish(nil)
    }

    /// The object that a POST brings; none is an empty one.
    private func body(of exchange: Exchange) async throws -> JSONObject {
        let type = exchange.request.headers[.contentType]?.prefix { $0 != ";" }
        let bytes = try await exchange.body()
        guard !bytes.isEmpty else { return [:] }
        guard type == "application/json" else {
            throw CouchError.badContentType("Content-Type must be application/json")
        }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes, limits: exchange.limits.json)
        } catch {
            throw CouchError.invalidJSON
        }
        guard let object = value.objectValue else {
            throw CouchError.badRequest("Request body must be a JSON object")
        }
        return object
    }
}

/// A feed's stay among those that are open, which ends with the answer, or with the request when there is none.
private final class FeedVisit: Sendable {
    let live: LiveFeed
    private let pass: FeedDoors.Pass
    private let wakeUps: FeedWakeUps
    private let doors: FeedDoors

    init(_ live: LiveFeed, _ pass: FeedDoors.Pass, _ wakeUps: FeedWakeUps, _ doors: FeedDoors, isLive: Bool) {
        self.live = live
        self.pass = pass
        self.wakeUps = wakeUps
        self.doors = doors
        if isLive { doors.hangUps.watch(live.channel, for: live) }
    }

    func end() {
        doors.hangUps.forget(live.channel, live)
        wakeUps.leave(live)
        doors.close(pass)
    }

    // An answer that nobody asks to be written ends with the last reference to it.
    deinit { end() }
}
