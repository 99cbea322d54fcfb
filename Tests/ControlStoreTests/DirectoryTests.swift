import Foundation
import Postgres
import TestSupport
import Testing

@testable import ControlStore

/// The built-in user directory, and what hangs on its passwords.
@Suite(.database) struct DirectoryTests {
    private static let cheap = PasswordHash.Cost(logarithm: 4, blockSize: 1, parallelism: 1)

    private func hash(_ password: String) throws -> PasswordHash { try PasswordHash(password, cost: Self.cheap) }

    private func session(_ user: String, isAdministrator: Bool = false) -> Session {
        Session(user: user, isAdministrator: isAdministrator, expires: Date(timeIntervalSinceNow: 60))
    }

    @Test func `a user has the password that was given last, and the row does not hold it`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        #expect(try await control.directoryUser("ann") == nil)
        #expect(try await control.setDirectoryPassword(hash("first-password"), of: "ann"))
        #expect(try await !control.setDirectoryPassword(hash("second-password"), of: "ann"))
        let known = try #require(try await control.directoryUser("ann"))
        let password = try #require(known.password)
        #expect(try password.matches("second-password"))
        #expect(try !password.matches("first-password"))
        #expect(known.user.generation == (try await control.directoryGeneration(of: "ann")))
        let row = try await store.scalar(
            "SELECT row_to_json(directory_users)::text FROM directory_users",
            as: String.self
        )
        #expect(!row.contains("second-password"))
        // Names are the same when their bytes are.
        #expect(try await control.setDirectoryPassword(hash("x"), of: "e\u{301}"))
        #expect(try await control.setDirectoryPassword(hash("x"), of: "\u{E9}"))
        #expect(try await control.directoryUser("Ann") == nil)
        await store.close()
    }

    @Test func `users are listed in pages`() async throws {
        let store = try await TestControl.make()
        for name in ["c", "a", "b", "B", "é"] { _ = try await store.control.setDirectoryPassword(hash("x"), of: name) }
        var names: [String] = []
        while true {
            let page = try await store.control.directoryUsers(after: names.last, limit: 2).map(\.name)
            guard !page.isEmpty else { break }
            names += page
        }
        #expect(names == ["B", "a", "b", "c", "é"])
        await store.close()
    }

    @Test func `another password ends the user's sessions and nobody else's, and every instance hears of it`()
        async throws
    {
        let store = try await TestControl.make()
        let control = store.control
        _ = try await control.setDirectoryPassword(hash("x"), of: "ann")
        let generation = try await control.directoryGeneration(of: "ann")
        let ended = try #require(try await control.beginSession(session("ann"), generation: generation))
        let other = try #require(try await control.beginSession(session("bob")))
        let administrator = try #require(try await control.beginSession(session("ann", isAdministrator: true)))
        let epoch = try await control.accessEpoch()
        _ = try await control.setDirectoryPassword(hash("y"), of: "ann")
        #expect(try await control.session(token: ended) == nil)
        #expect(try await control.session(token: other)?.user == "bob")
        #expect(try await control.session(token: administrator)?.isAdministrator == true)
        #expect(try await control.accessEpoch() > epoch)
        let after = try #require(
            try await control.beginSession(
                session("ann"),
                generation: try await control.directoryGeneration(of: "ann")
            )
        )
        let later = try await control.accessEpoch()
        #expect(try await control.deleteDirectoryUser("ann"))
        #expect(try await control.session(token: after) == nil)
        #expect(try await control.accessEpoch() > later)
        #expect(try await !control.deleteDirectoryUser("ann"))
        await store.close()
    }

    @Test func `a login that was on its way while the password changed does not begin a session`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        _ = try await control.setDirectoryPassword(hash("x"), of: "ann")
        let generation = try await control.directoryGeneration(of: "ann")
        _ = try await control.setDirectoryPassword(hash("y"), of: "ann")
        #expect(try await control.beginSession(session("ann"), generation: generation) == nil)
        #expect(try await control.beginSession(session("ann"), generation: nil) == nil)
        _ = try await control.deleteDirectoryUser("ann")
        #expect(try await control.beginSession(session("ann"), generation: generation) == nil)
        #expect(try await store.scalar("SELECT count(*) FROM sessions", as: Int64.self) == 0)
        await store.close()
    }

    @Test func `no session of an earlier password survives, however a login and a change meet`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let hash = try hash("x")
        for _ in 0..<40 {
            _ = try await control.setDirectoryPassword(hash, of: "ann")
            let generation = try await control.directoryGeneration(of: "ann")
            async let change = control.setDirectoryPassword(hash, of: "ann")
            async let login = control.beginSession(session("ann"), generation: generation)
            let (_, token) = try await (change, login)
            if let token { #expect(try await control.session(token: token) == nil) }
        }
        await store.close()
    }
}

/// Passwords as they are stored.
@Suite struct PasswordHashTests {
    @Test func `it is scrypt as RFC 7914 has it`() throws {
        // Section 12, the second test vector, of which the first half is kept.
        let bytes: [UInt8] = [
            0xFD, 0xBA, 0xBE, 0x1C, 0x9D, 0x34, 0x72, 0x00, 0x78, 0x56, 0xE7, 0x19, 0x0D, 0x01, 0xE9, 0xFE,
            0x7C, 0x6A, 0xD7, 0xCB, 0xC8, 0x23, 0x78, 0x30, 0xE7, 0x73, 0x76, 0x63, 0x4B, 0x37, 0x31, 0x62,
        ]
        let salt = Data("NaCl".utf8).base64EncodedString()
        let text = "$scrypt$ln=10,r=8,p=16$\(salt)$\(Data(bytes).base64EncodedString())"
        let hash = try #require(PasswordHash(text: text))
        #expect(try hash.matches("password"))
        #expect(try !hash.matches("Password"))
        #expect(hash.text == text)
    }

    @Test func `two users with one password have two hashes`() throws {
        let cost = PasswordHash.Cost(logarithm: 4, blockSize: 1, parallelism: 1)
        let (first, second) = try (PasswordHash("same", cost: cost), PasswordHash("same", cost: cost))
        #expect(first.text != second.text)
        #expect(try PasswordHash(text: first.text)?.matches("same") == true)
    }

    @Test func `the cost is what is recommended`() throws {
        // OWASP's password storage cheat sheet: N = 2^14 with r = 8 needs p = 5.
        #expect(PasswordHash.Cost.standard == PasswordHash.Cost(logarithm: 14, blockSize: 8, parallelism: 5))
    }

    @Test(arguments: [
        "", "x", "$scrypt$ln=14,r=8,p=5$AAAA", "$bcrypt$ln=14,r=8,p=5$AAAA$AAAA", "$scrypt$ln=14,r=8$AAAA$AAAA",
        "$scrypt$ln=60,r=8,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "$scrypt$ln=14,r=8,p=1000$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "$scrypt$ln=-1,r=8,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "$scrypt$ln=14,r=8,p=1$AAAA$AAAA", "$scrypt$ln=14,r=8,p=1$!!!!$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ])
    func `what is no hash, or would cost too much, is none`(text: String) {
        #expect(PasswordHash(text: text) == nil)
    }

    @Test func `who comes when the line is full is told so, and the line moves on`() async throws {
        let cost = PasswordHash.Cost(logarithm: 4, blockSize: 1, parallelism: 1)
        let full = PasswordHasher(threads: 1, limit: 0, cost: cost)
        await #expect(throws: PasswordHasherIsBusy.self) { try await full.hash("x") }
        await #expect(throws: PasswordHasherIsBusy.self) { try await full.matches("x", nil) }
        let narrow = PasswordHasher(threads: 1, limit: 1, cost: cost)
        let hash = try await narrow.hash("x")
        #expect(try await narrow.matches("x", hash))
        #expect(try await !narrow.matches("y", hash))
        #expect(try await !narrow.matches("x", nil))
    }
}
