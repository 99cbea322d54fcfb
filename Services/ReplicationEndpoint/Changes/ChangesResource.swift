import CouchProtocol
import DocumentStore
import HTTPTypes
import Hummingbird
import JSON
import NIOCore

/// `/<database>/_changes`: what the caller may see change, in order, at once or live.
struct ChangesResource: Sendable {
    let store: DocumentStore
    let wakeUps: FeedWakeUps

    func respond(to exchange: Exchange, in database: Database) async throws -> Response {
        guard exchange.method == .get || exchange.method == .post else {
            throw exchange.methodNotAllowed("GET", "POST")
        }
        let request = try FeedRequest(exchange.query)
        let since = try await start(of: request, in: database)
        let feed = ChangesFeed(
            store: store,
            wakeUps: wakeUps,
            database: database,
            caller: exchange.caller,
            request: request,
            pageSize: exchange.limits.changesPage
        )
        let body = ResponseBody { writer in
            var writer = writer
            try await feed.write(since: since, to: &writer)
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "application/json", .cacheControl: "must-revalidate"],
            body: body
        )
    }

    /// The number behind which to read.
    private func start(of request: FeedRequest, in database: Database) async throws -> FeedPosition {
        switch request.since {
        case .now: FeedPosition(try await store.info(database).updateSeq)
        case .after(let token): database.position(of: token)
        }
    }
}
