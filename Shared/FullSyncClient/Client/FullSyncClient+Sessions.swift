import Foundation
public import JSON

extension FullSyncClient {
    /// Logs a user in; live syncs that waited for it go on.
    ///
    /// The session is renewed by itself until ``logout(erasing:)`` or the end of the process. Another user than before
    /// gets other databases, and the syncs of the user before end. The user is whom the server takes the name for: two
    /// names of one user have the same databases.
    ///
    /// - Returns: What the server says of the user.
    /// - Throws: ``FullSyncError`` named `unauthorized` when the name or the password is wrong; one without a status
    ///   when the server cannot be reached, and then the local databases stay as they are.
    @discardableResult
    public func login(name: String, password: String) async throws -> JSONValue {
        try await changingUser {
            let answer = try await server.login(name: name, password: password)
            let next = HTTPSession.user(of: answer) ?? name
            defer { if user == next { control.loggedIn(next) } }
            guard next != user else { return answer }
            do {
                try remember(next)
            } catch {
                try? await server.logout()
                throw error
            }
            try await close { $0 != next }
            return answer
        }
    }

    /// Ends the session and the user's syncs, and closes the user's databases.
    ///
    /// - Parameter erasing: Whether the user's databases are deleted from the device, with what was not pushed.
    public func logout(erasing: Bool = false) async throws {
        try await changingUser {
            let (folder, ended) = (directory(of: user), user)
            // The files are out of the way before the user is forgotten, so an end of the process in between leaves a
            // user who can log out again, or files that are erased at the next start.
            if erasing { user = nil } else if ended != nil { try remember(nil) }
            do {
                try await close { $0 == ended }
            } catch {
                guard erasing else { throw error }
            }
            if erasing {
                do {
                    try Self.discard(folder, in: directory)
                } catch {
                    // Still there, and to be erased when it is tried again.
                    user = ended
                    throw error
                }
                if ended != nil { try remember(nil) }
                Self.eraseDiscarded(in: directory)
            }
            if let ended { control.events.send(.loggedOut(user: ended)) }
            do {
                try await server.logout()
            } catch let error as FullSyncError where error.status == nil {
                // Without a network the server ends the session by itself, later; here it is over.
            }
        }
    }

    /// Where folders of users are that are being erased.
    private static func discarded(in directory: URL) -> URL { directory.appendingPathComponent("erased") }

    private static func discard(_ folder: URL, in directory: URL) throws {
        guard FileManager.default.fileExists(atPath: folder.path) else { return }
        let discarded = discarded(in: directory)
        try PrivateFolder.make(at: discarded)
        try FileManager.default.moveItem(at: folder, to: discarded.appendingPathComponent(UUID().uuidString))
    }

    /// Erases what was to be erased; what cannot be now is when the next client is made.
    static func eraseDiscarded(in directory: URL) {
        try? FileManager.default.removeItem(at: discarded(in: directory))
    }

    /// Ends all syncs and closes the databases; the session and what is on the device stay.
    public func close() async throws {
        try await changingUser { try await close { _ in true } }
    }

    // MARK: - The application and the network

    /// Lets all syncs stand still, such as when the system suspends the application; what they have brought over stays.
    public nonisolated func suspend() {
        control.suspend()
    }

    /// Lets all syncs go on, and those that wait before they try again try at once.
    public nonisolated func resume() {
        control.resume()
    }

    /// Lets live syncs that wait before they try again try at once, such as when the system says that the network is
    /// back.
    public nonisolated func networkChanged() {
        control.tryAgain()
    }
}
