import Foundation
import FullSyncClient
import JSON
import TestSupport
import Testing

/// A device whose users come and go, whose application sleeps and wakes, and whose network and sessions end, beside a
/// model that says where its sync must be after each step.
final class SessionWorld {
    typealias Phase = SyncObserver.Phase

    let network: FaultyNetwork
    private let stage: Stage
    private let users: [String]
    private let folder = URL(fileURLWithPath: TestDirectory.make("sessions"))
    private var random: SeededGenerator
    private var client: FullSyncClient
    private var observer = SyncObserver()
    private var count = 0
    /// What was done, for whoever reads why it is not as it should be.
    private(set) var story: [String] = []

    // MARK: The model

    /// The passwords that the server knows.
    private var passwords: [String]
    /// Whose databases are open.
    private var user: Int?
    /// The password with which the session was begun; nil for none.
    private var session: String?
    private var isSuspended = false
    private var isOnline = true
    private var isLive = false
    private var phase: Phase?
    /// What the client knows of the server; nil before it has heard anything.
    private var isReachable: Bool?
    private var isSessionAlive = true
    /// How often a wrong password was tried since the last login; the server lets only so many guesses pass.
    private var guesses = 0
    /// The events that must have been told since the client was opened, but those of the network.
    private var expected: [String] = []
    /// What each user has written, and what of that is known to be on the server.
    private var edits: [Set<String>]
    private var pushed: [Set<String>]
    private var published: Set<String> = []

    init(_ random: SeededGenerator) async throws {
        self.random = random
        stage = try await Stage.make("sessions")
        var users: [String] = []
        for _ in 0..<2 { users.append(try await stage.administrator.makeUser("first")) }
        self.users = users
        passwords = users.map { _ in "first" }
        (edits, pushed) = (users.map { _ in [] }, users.map { _ in [] })
        let port = try #require(URLComponents(string: try await RunningSystem.shared.http)?.port)
        network = try FaultyNetwork(to: port, nil)
        client = try FullSyncClient(server: network.http, directory: folder)
        observer.follow(client.events)
    }

    /// Does something, and waits until all is as the model says.
    func step() async throws {
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<3: try await login(Int.random(in: 0..<users.count, using: &random))
        case 3: try await loginWrongly()
        case 4: try await logout(erasing: Bool.random(using: &random))
        case 5, 6: suspend()
        case 7, 8: resume()
        case 9, 10: isOnline ? cut() : mend()
        case 11: try await changePassword()
        case 12: try await endSessions()
        case 13: try await restart()
        case 14, 15: try await edit()
        case 16: try await publish()
        case 17: try await stop()
        default: try await startLive()
        }
        try await expectModel()
    }

    // MARK: - What happens

    private func login(_ next: Int) async throws {
        story.append("login \(next)")
        guard isOnline else {
            let error = await #expect(throws: FullSyncError.self) {
                try await client.login(name: users[next], password: passwords[next])
            }
            #expect(error?.status == nil)
            return
        }
        if let refusal = try await refusal(of: next, passwords[next]) { throw refusal }
        if user != next { (isLive, phase) = (false, nil) }
        (user, session, isSessionAlive, guesses) = (next, passwords[next], true, 0)
        expected.append("\(FullSyncEvent.loggedIn(user: users[next]))")
        if phase == .needsLogin { phase = .waiting }
    }

    /// A wrong password changes nothing.
    private func loginWrongly() async throws {
        guard isOnline, guesses == 0, let user else { return }
        guesses += 1
        story.append("login wrongly")
        let refusal = try await refusal(of: user, "wrong")
        #expect(refusal?.status == 401)
    }

    /// The error that the server answers to a login over a network that works; nil when it lets the user in.
    ///
    /// After a cut a request may still meet a connection whose end the client has not seen, and is made again.
    private func refusal(of user: Int, _ password: String) async throws -> FullSyncError? {
        var refusal: FullSyncError?
        for _ in 0..<10 where refusal?.status == nil {
            do {
                try await client.login(name: users[user], password: password)
                return nil
            } catch let error as FullSyncError {
                refusal = error
            }
        }
        return refusal
    }

    private func logout(erasing: Bool) async throws {
        story.append("logout, erasing: \(erasing)")
        try await client.logout(erasing: erasing)
        if let user {
            expected.append("\(FullSyncEvent.loggedOut(user: users[user]))")
            if erasing { edits[user] = pushed[user] }
        }
        (user, session, isLive, phase) = (nil, nil, false, nil)
    }

    private func suspend() {
        story.append("suspend")
        client.suspend()
        if !isSuspended { expected.append("\(FullSyncEvent.suspended)") }
        isSuspended = true
    }

    private func resume() {
        story.append("resume")
        client.resume()
        if isSuspended { expected.append("\(FullSyncEvent.resumed)") }
        isSuspended = false
    }

    private func cut() {
        story.append("cut")
        network.cut()
        isOnline = false
    }

    private func mend() {
        story.append("mend")
        network.mend()
        isOnline = true
    }

    private func changePassword() async throws {
        let one = Int.random(in: 0..<users.count, using: &random)
        story.append("password of \(one)")
        count += 1
        let next = "password \(count)"
        let answer = try await stage.administrator.send(
            "PUT",
            "/_fullsync/users/\(users[one])",
            ["password": .string(next)]
        )
        try #require(answer.status == 200)
        passwords[one] = next
    }

    /// Sessions that end are begun anew, and nobody notices.
    private func endSessions() async throws {
        guard let user else { return }
        story.append("sessions end")
        _ = try await stage.administrator.send("DELETE", "/_fullsync/users/\(users[user])/sessions")
    }

    private func restart() async throws {
        story.append("restart")
        try await client.close()
        client = try FullSyncClient(server: network.http, directory: folder)
        observer = SyncObserver()
        observer.follow(client.events)
        (session, isSuspended, isLive, phase) = (nil, false, false, nil)
        (isReachable, isSessionAlive, expected) = (nil, true, [])
    }

    private func edit() async throws {
        guard let user else { return }
        count += 1
        story.append("edit \(count)")
        let id = "edit-\(count)"
        try await client.database(stage.database).post(["_id": .string(id)])
        edits[user].insert(id)
    }

    private func publish() async throws {
        count += 1
        story.append("publish \(count)")
        try await stage.put("public-\(count)")
        published.insert("public-\(count)")
    }

    private func startLive() async throws {
        guard let user else { return }
        if session != nil, session != passwords[user] {
            guard guesses == 0 else { return }
            guesses += 1
        }
        story.append("live")
        observer.follow(try await client.sync(stage.database, .live))
        (isLive, phase) = (true, .waiting)
    }

    private func stop() async throws {
        story.append("stop")
        await client.stop(stage.database)
        (isLive, phase) = (false, nil)
    }

    // MARK: - What must be

    /// Where the pull of a live sync comes to, and what is told on the way.
    private func judge() {
        // Whoever waits for a login looks at nothing else.
        guard isLive, let user, phase != .needsLogin else { return }
        if isSuspended {
            phase = .suspended
        } else if session != nil, !isOnline {
            (phase, isReachable) = (.waiting, false)
        } else if session != passwords[user] {
            phase = .needsLogin
            if isSessionAlive { expected.append("\(FullSyncEvent.sessionEnded)") }
            isSessionAlive = false
        } else {
            (phase, isReachable) = (.upToDate, true)
        }
    }

    private func expectModel() async throws {
        let before = phase
        judge()
        #expect(await client.user == user.map { users[$0] }, "\(story)")
        if let phase {
            try await eventually("the sync is \(phase) after \(story)") {
                // What waits for the network is told that it is back, as an application does.
                if phase == .upToDate || phase == .needsLogin { client.networkChanged() }
                return observer.phase(.pull) == phase
            }
        }
        if phase == .needsLogin, before != .needsLogin, isOnline {
            // A push that has nothing to do has not noticed.
            try await edit()
            try await eventually("the push needs a login after \(story)") {
                client.networkChanged()
                return observer.phase(.push) == .needsLogin
            }
        }
        if phase == .upToDate, let user { try await expectInStep(user) }
        try await expectEvents()
    }

    /// The device has what was published, and the server what the user has written.
    private func expectInStep(_ user: Int) async throws {
        let database = try await client.database(stage.database)
        try await eventually("the device has all after \(story)") {
            published.isSubset(of: try await database.all().map(\.key))
        }
        try await expectPushed(user)
    }

    private func expectPushed(_ user: Int) async throws {
        let asked = JSONValue.array(edits[user].sorted().map(JSONValue.string))
        try await eventually("the server has all edits after \(story)") {
            let answer = try await stage.administrator.send(
                "POST",
                "\(stage.path)/_all_docs?include_docs=true",
                ["keys": asked]
            )
            let owners = (answer.json["rows"]?.arrayValue ?? []).map { $0["doc"]?["~owner"]?.stringValue }
            return owners.allSatisfy { $0 == users[user] }
        }
        pushed[user] = edits[user]
    }

    private func expectEvents() async throws {
        let told = ["unreachable", "reachable"]
        try await eventually("what has happened is told after \(story)") {
            let events = observer.events
            let isKnown = events.last(where: told.contains).map { $0 == "reachable" } ?? true
            return events.count { !told.contains($0) } >= expected.count && isKnown == (isReachable ?? true)
        }
        let events = observer.events
        #expect(events.filter { !told.contains($0) } == expected, "\(story)")
        let network = events.filter(told.contains)
        #expect(network.first != "reachable" && zip(network, network.dropFirst()).allSatisfy(!=), "\(story)")
    }

    // MARK: - The end

    /// All users come back over a network that works: nothing that they have written is lost, or another's.
    func end() async throws {
        if !isOnline { mend() }
        resume()
        for next in users.indices {
            try await login(next)
            let result = try await client.sync(stage.database).result
            #expect(result.refused == 0 && result.failed == 0, "\(story)")
            (isLive, phase) = (false, nil)
            try await expectInStep(next)
            let ids = try await client.database(stage.database).all().map(\.key).filter { $0.hasPrefix("edit") }
            #expect(Set(ids) == edits[next], "\(story)")
        }
        try await client.close()
    }
}
