import AsyncHTTPClient
import CouchProtocol
import Foundation
import GRDB
import JSON
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import FullSyncClient

/// Sessions and databases when one user follows another, with a server whose answers come when the test says so.
@Suite(.timeLimit(.minutes(10))) struct UserSwitchTests {
    private let server = HeldServer()
    private let directory = URL(fileURLWithPath: TestDirectory.make("users"))

    private func session(_ address: String = "http://server") throws -> HTTPSession {
        HTTPSession(address: try ServerAddress(parsing: address)) { [server] request, headers in
            try await server.answer(request, headers)
        }
    }

    private func client() throws -> FullSyncClient {
        try FullSyncClient(
            server: FullSyncServer(session: try session()),
            directory: directory,
            defaultDatabase: "db",
            defaultProject: "shop",
            defaultDesign: nil,
            encryptionKey: nil,
            resolver: nil
        )
    }

    private static func credentials(_ name: String) -> ServerAddress.Credentials {
        ServerAddress.Credentials(name: name, password: "pw")
    }

    @Test func `nobody else on the machine looks into a user's folder, nor into one of before`() async throws {
        let client = try client()
        let folder = await client.directory(of: nil)
        try FileManager.default.createDirectory(
            at: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755]
        )
        _ = try await client.database("db")
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.path)
        #expect(attributes[.posixPermissions] as? Int == 0o700)
    }

    @Test func `a renewal that ends behind another login begins no session, and its request is not repeated`()
        async throws
    {
        let session = try session("http://ada:pw@server")
        await server.hold("login of ada")
        let asked = Task { try await session.json(HTTPSession.Request(path: "/asked")) }
        await server.waitUntilHeld()
        try await session.login(Self.credentials("bob"))
        await server.release()
        await #expect(throws: CouchError.self) { try await asked.value }
        _ = try await session.json(HTTPSession.Request(path: "/later"))
        #expect(await server.asked == ["/later as bob"])
    }

    @Test func `a renewal that ends behind a logout begins no session`() async throws {
        let session = try session("http://ada:pw@server")
        await server.hold("login of ada")
        let asked = Task { try await session.json(HTTPSession.Request(path: "/asked")) }
        await server.waitUntilHeld()
        try await session.logout()
        await server.release()
        await #expect(throws: CouchError.self) { try await asked.value }
        _ = try await session.json(HTTPSession.Request(path: "/later"))
        #expect(await server.asked == ["/later as nobody"])
    }

    @Test func `a cookie that answers a request from before another login is dropped`() async throws {
        let session = try session("http://ada:pw@server")
        await server.hold("/asked")
        let asked = Task { try await session.json(HTTPSession.Request(path: "/asked")) }
        await server.waitUntilHeld()
        try await session.login(Self.credentials("bob"))
        await server.release()
        _ = try await asked.value
        _ = try await session.json(HTTPSession.Request(path: "/later"))
        #expect(await server.asked == ["/asked as ada", "/later as bob"])
    }

    @Test func `what is asked for one user's database is asked as nobody else`() async throws {
        let session = try session()
        let server = FullSyncServer(session: session)
        try await session.login(Self.credentials("bob"))
        for user in ["ada", nil] {
            let replica = server.database("db", rules: DocumentRules(), as: .user(user))
            await #expect(throws: CouchError.unauthorized("Another user has logged in.")) { try await replica.info() }
        }
        #expect(await self.server.asked == [])
        _ = try? await server.database("db", rules: DocumentRules(), as: .user("bob")).info()
        #expect(await self.server.asked == ["/db as bob"])
    }

    @Test func `what is asked for a user's database is not asked as nobody`() async throws {
        let server = FullSyncServer(session: try session())
        let replica = server.database("db", rules: DocumentRules(), as: .user("ada"))
        await #expect(throws: CouchError.unauthorized("Nobody is logged in.")) { try await replica.info() }
        #expect(await self.server.asked == [])
        _ = try? await server.database("db", rules: DocumentRules(), as: .user(nil)).info()
        #expect(await self.server.asked == ["/db as nobody"])
    }

    @Test func `a live sync of a user waits for the login after a restart, and asks nothing before`() async throws {
        try Data("ada".utf8).write(to: directory.appendingPathComponent("user"))
        let client = try client()
        let sync = try await client.sync("db", .live)
        for await next in sync.progress where next.state == .needsLogin { break }
        #expect(await server.asked == [])
        try await client.login(name: "ada", password: "pw")
        try await eventually("it goes on") { await server.asked.contains("/db as ada") }
        sync.cancel()
        _ = try? await sync.result
    }

    @Test func `a sync that waits tries at once when the application says that the network is back`() async throws {
        await server.disconnect()
        let client = try client()
        var options = SyncOptions.live
        options.directions = [.pull]
        options.longestPause = .seconds(3_600)
        let sync = try await client.sync("db", options)
        var asked = 0
        // The pauses grow beyond what a test may take.
        for await next in sync.progress {
            guard case .waiting = next.state else { continue }
            asked += 1
            if asked == 20 { break }
            client.networkChanged()
        }
        #expect(await server.asked.count >= 20)
        sync.cancel()
        _ = try? await sync.result
    }

    @Test func `a login that fails leaves the user, the session and the databases as they are`() async throws {
        let client = try client()
        try await client.login(name: "ada", password: "pw")
        let database = try await client.database("db")
        try await database.post(["_id": "a"])
        await #expect(throws: FullSyncError.self) { try await client.login(name: "mallory", password: "pw") }
        #expect(await client.user == "ada")
        #expect(try await database.get("a") != nil)
        try await client.call(".list")
        // Who is logged in cannot be written down: then nobody is.
        let file = directory.appendingPathComponent("user")
        try FileManager.default.removeItem(at: file)
        try FileManager.default.createDirectory(
            at: file.appendingPathComponent("in the way"),
            withIntermediateDirectories: true
        )
        await #expect(throws: (any Error).self) { try await client.login(name: "bob", password: "pw") }
        #expect(await client.user == "ada")
        #expect(try await database.get("a") != nil)
        // Nobody is logged in, and what ada asks is asked as ada or not at all.
        await #expect(throws: FullSyncError.self) { try await client.call(".list") }
        #expect(await server.asked == ["/_fullsync/projects/shop/sequences/list as ada"])
    }

    @Test func `databases that are opened while the user changes are those of one user`() async throws {
        let client = try client()
        try await client.login(name: "ada", password: "pw")
        try await client.database("db").post(["_id": "a"])
        await server.hold("login of bob")
        let login = Task { try await client.login(name: "bob", password: "pw") }
        await server.waitUntilHeld()
        #expect(try await client.database("db").get("a") != nil, "it is still the user before")
        await server.release()
        _ = try await login.value
        #expect(try await client.database("db").get("a") == nil)
        #expect(await client.databases.keys.map(\.user) == ["bob"])
    }

    @Test func `names that the server takes for one user have the same databases`() async throws {
        await server.take("Ada", for: "ada")
        await server.take("ada", for: "ada")
        let client = try client()
        try await client.login(name: "Ada", password: "pw")
        #expect(await client.user == "ada")
        try await client.database("db").post(["_id": "a"])
        try await client.logout()
        try await client.login(name: "ada", password: "pw")
        #expect(try await client.database("db").get("a") != nil)
        let sync = try await client.sync("db", .live)
        try await eventually("it asks as the user") { await server.asked.contains("/db as ada") }
        sync.cancel()
        _ = try? await sync.result
    }

    @Test func `users who share a name have databases of their own`() async throws {
        await server.take("terminal", for: "ada")
        let client = try client()
        try await client.login(name: "terminal", password: "1")
        try await client.database("db").post(["_id": "a"])
        await server.take("terminal", for: "bob")
        try await client.login(name: "terminal", password: "2")
        #expect(await client.user == "bob")
        #expect(try await client.database("db").get("a") == nil)
    }

    @Test func `a renewal that makes another user's session ends in none`() async throws {
        await server.take("terminal", for: "ada")
        let client = try client()
        try await client.login(name: "terminal", password: "1")
        await server.take("terminal", for: "bob")
        await server.endSession()
        for reason in ["Another user has logged in.", "Nobody is logged in."] {
            let error = await #expect(throws: FullSyncError.self) { try await client.call(".list") }
            #expect(error?.reason == reason)
        }
        #expect(await server.asked == ["/_fullsync/projects/shop/sequences/list as ada"])
    }

    @Test func `a client's server is named without credentials`() throws {
        let error = #expect(throws: FullSyncError.self) {
            try FullSyncClient(server: "http://ada:pw@server", directory: directory)
        }
        #expect(error?.error == "bad_request")
    }

    @Test func `after a restart a call is answered by what was kept while nobody is logged in`() async throws {
        try Data("ada".utf8).write(to: directory.appendingPathComponent("user"))
        let client = try client()
        let cache = try await client.answers()
        try await cache.keep(["kept": true], for: cache.key("shop", "list", [:]))
        #expect(try await client.call(".list", ["__localCache": ["priority": "server"]]) == ["kept": true])
        await #expect(throws: FullSyncError.self) { try await client.call(".list") }
    }

    @Test func `a database that is opened while it is deleted is a new one`() async throws {
        let client = try client()
        let database = try await client.openWhileDeleted("db")
        try await database.post(["_id": "a"])
        try await client.close()
        #expect(try await self.client().database("db").get("a") != nil)
    }

    @Test func `what a logout erases is gone at once, or at the next start`() async throws {
        let client = try client()
        try await client.login(name: "ada", password: "pw")
        try await client.database("db").post(["_id": "a"])
        let folder = await client.directory(of: "ada")
        try await client.logout(erasing: true)
        #expect(!FileManager.default.fileExists(atPath: folder.path))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["users"])
        // The process ended before all was erased.
        let left = directory.appendingPathComponent("erased/left")
        try FileManager.default.createDirectory(at: left, withIntermediateDirectories: true)
        _ = try self.client()
        #expect(!FileManager.default.fileExists(atPath: left.path))
    }

    @Test func `a logout that cannot erase is none, and can be tried again`() async throws {
        let client = try client()
        try await client.login(name: "ada", password: "pw")
        try await client.database("db").post(["_id": "a"])
        let folder = await client.directory(of: "ada")
        // Where a folder is to be, a file is in the way.
        let obstacle = directory.appendingPathComponent("erased")
        try Data().write(to: obstacle)
        await #expect(throws: (any Error).self) { try await client.logout(erasing: true) }
        #expect(await client.user == "ada")
        #expect(try await client.database("db").get("a") != nil)
        try FileManager.default.removeItem(at: obstacle)
        try await client.logout(erasing: true)
        #expect(await client.user == nil)
        #expect(!FileManager.default.fileExists(atPath: folder.path))
    }

    @Test func `an answer that cannot be kept is an answer`() async throws {
        let client = try client()
        try await client.login(name: "ada", password: "pw")
        try await client.answers().store.transaction { try $0.db.execute(sql: "DROP TABLE cached_answers") }
        let answer = try await client.call(".list", ["__localCache": ["priority": "server"]])
        #expect(answer == ["ok": true])
    }
}

extension FullSyncClient {
    /// Deletes a database whose opening is under way, and opens it before that has come to its end.
    fileprivate func openWhileDeleted(_ name: String) async throws -> FullSyncDatabase {
        let key = DatabaseKey(user: user, name: name)
        let opened = try await database(key)
        let (opening, continuation) = AsyncStream.makeStream(of: Void.self)
        databases[key] = Task {
            for await _ in opening {}
            return OpenDatabase(database: opened, news: Task {})
        }
        let removal = Task { try await destroy(name) }
        while databases[key] != nil { await Task.yield() }
        // It has its turn on the actor before the end of the opening has.
        let again = Task { try await self.database(key) }
        await Task.yield()
        continuation.finish()
        try await removal.value
        return try await again.value
    }
}

/// A server that gives each user a session by name, and answers one request only when it is told to.
private actor HeldServer {
    /// The requests but those of sessions, with the users that their cookies name.
    private(set) var asked: [String] = []
    private var held: String?
    private var arrival: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)
    private var departure: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)

    init() {
        arrival = AsyncStream.makeStream()
        departure = AsyncStream.makeStream()
    }

    private var isAway = false
    private var hasEnded = false
    /// Whom it takes names for; an answer about another name says nothing.
    private var users: [String: String] = [:]

    /// Takes a name for a user from now on.
    func take(_ name: String, for user: String) { users[name] = user }

    /// Does not know the session of the next request any more.
    func endSession() { hasEnded = true }

    /// Lets no request come through any more.
    func disconnect() { isAway = true }

    /// Lets the next request of that name wait: `login of` a user, or a path.
    func hold(_ name: String) { held = name }

    func waitUntilHeld() async { for await _ in arrival.stream { return } }

    func release() { departure.continuation.yield() }

    private func wait(as name: String) async {
        guard held == name else { return }
        held = nil
        arrival.continuation.yield()
        for await _ in departure.stream { return }
    }

    func answer(_ request: HTTPSession.Request, _ headers: [(String, String)]) async throws -> HTTPClientResponse {
        let cookie = headers.first { $0.0 == "cookie" }?.1.dropFirst("AuthSession=".count)
        var response = HTTPClientResponse(body: .bytes(ByteBuffer(string: #"{"ok":true}"#)))
        guard request.path == "/_session" else {
            asked.append("\(request.path) as \(cookie ?? "nobody")")
            if isAway { throw TransportError("away") }
            if hasEnded {
                hasEnded = false
                throw CouchError.unauthorized("The session has ended.")
            }
            await wait(as: request.path)
            // A server may renew a session with any answer.
            if let cookie { response.headers.add(name: "set-cookie", value: "AuthSession=\(cookie); Path=/") }
            return response
        }
        guard request.method == "POST", let body = request.body else { return response }
        let name = try JSONValue(parsing: body.text)["name"]?.stringValue ?? ""
        guard name != "mallory" else { throw CouchError.unauthorized("Name or password is incorrect.") }
        await wait(as: "login of \(name)")
        if let user = users[name] {
            let answer: JSONValue = ["ok": true, "name": .string(user)]
            response.body = .bytes(ByteBuffer(bytes: answer.bytes))
        }
        response.headers.add(name: "set-cookie", value: "AuthSession=\(users[name] ?? name); Path=/")
        return response
    }
}
