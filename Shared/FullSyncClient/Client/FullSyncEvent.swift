/// What happens beside the calls of an application; ``FullSyncClient/events`` tells it.
public enum FullSyncEvent: Hashable, Sendable {
    /// A user is logged in, and live syncs go on.
    case loggedIn(user: String)
    /// The user is logged out, and the user's databases are closed.
    case loggedOut(user: String)
    /// The server does not know the session any more, and it could not be renewed; live syncs wait for the next login.
    case sessionEnded
    /// The server answers again.
    case serverReachable
    /// The server cannot be reached; live syncs try again by themselves.
    case serverUnreachable(reason: String)
    /// There is no room on the device for what comes; the sync tries again by itself, and this is told each time.
    case storageFull(database: String)
    /// Syncs stand still until ``FullSyncClient/resume()``.
    case suspended
    /// Syncs go on.
    case resumed
    /// The server's database is another one than at the last sync: it was made anew, or restored from a backup.
    ///
    /// Everything is compared again, so what this device has edited and the server has lost is pushed again. What was
    /// only pulled stays on the device; ``FullSyncDatabase/offerEverything()`` offers it to the server.
    case databaseRemade(database: String)
    /// The server refused an edit; see ``FullSyncDatabase/refusedEdits()``.
    case editRefused(database: String, FullSyncDatabase.RefusedEdit)
    /// The device cannot take a document that the server has, such as one that is too large, or with which the server
    /// fails time after time; that one is asked for again later.
    case documentNotTaken(database: String, document: String, reason: String)
    /// A live sync has ended although nobody cancelled it, because of an error that does not pass by itself.
    case syncEnded(database: String, reason: String)
    /// A document left the device that had an edit which was not pushed; see ``FullSyncDatabase/keptEdits()``.
    case editKept(database: String, document: String)
    /// A document was edited here and elsewhere; see ``FullSyncDatabase/conflicts(limit:)``.
    case conflict(database: String, document: String)
    /// The client's resolver failed with a conflict, which stays on the list.
    case resolverFailed(database: String, document: String, reason: String)
}
