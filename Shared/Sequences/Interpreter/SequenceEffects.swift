package import JSON

/// Who is authenticated in a run, and the groups that user is in.
package struct Identity: Sendable, Hashable {
    package let user: String
    package let groups: [String]

    package init(user: String, groups: [String] = []) {
        self.user = user
        self.groups = groups
    }
}

/// The step that asks for an effect, and what the effect must know of the run.
package struct CallSite: Sendable {
    /// The sequence that the step belongs to, which is not the run's when that one called another.
    package let sequence: SequenceDefinition
    /// Where in the run the effect is; its `key` names the effect.
    package let path: CallPath
    package let position: SourcePosition
    /// Who is authenticated at this moment.
    package let identity: Identity?
    /// When the time of the sequence, or of one that called it, is over.
    ///
    /// An effect must not take longer.
    package let deadline: ContinuousClock.Instant
}

/// How important a log line of a sequence is.
package enum SequenceLogLevel: String, Sendable, Hashable, CaseIterable {
    case debug
    case info
    case warning
    case error
}

/// A question about users and groups.
package enum DirectoryQuery: Sendable, Hashable {
    /// The names of the groups that the user is in.
    case groupsOf(String)
    /// The names of the users who are in the group.
    case usersOf(String)
    /// The groups whose names come after that one, each with the number of its users.
    case groups(after: String?)
    /// The users in groups whose names come after that one, each with the number of groups.
    case users(after: String?)
}

/// What is done with the values that the caller's session keeps.
package enum SessionAccess: Sendable, Hashable {
    /// Gives the value of that name, null when there is none.
    case get(String)
    /// Keeps values, each in the place of the one of its name.
    case set(JSONObject)
    case remove([String])
}

/// Everything that a sequence does to the world.
///
/// A `SequenceFailure` that a method throws can be caught by the sequence's `catch`. Any other error ends the run as it
/// is, past every `catch` and `finally`: cancellation, or a state in which going on could do an effect twice.
package protocol SequenceEffects: Sendable {
    /// The present moment, for time limits.
    var now: ContinuousClock.Instant { get }

    /// The present moment, in milliseconds since 1970.
    var currentTime: Int { get }

    /// Evaluates scripts, each over the same scope, and gives their results in order; JavaScript's `undefined` is null.
    ///
    /// The scope holds every name; a script needs those that its `mentionedNames` tell.
    ///
    /// A script that throws or is stopped is a failure with the code `script` and the script's position.
    func evaluate(_ scripts: [Script], scope: JSONObject, at site: CallSite) async throws -> [JSONValue]

    /// Whether elements of the loop at that place differ that have the same id: those of now, or those of an earlier
    /// attempt at the run; which later attempts are told, too.
    ///
    /// Asked at most once for each place, before the loop's first turn.
    func haveSharedIDs(_ areShared: Bool, at site: CallSite) async throws -> Bool

    /// Carries out a transaction and gives its answer.
    func callTransaction(
        _ transaction: TransactionReference,
        variables: JSONObject,
        at site: CallSite
    ) async throws -> JSONValue

    /// Authenticates a user from here on; without `groups`, the directory says them. Gives the identity in force.
    func setAuthenticatedUser(_ user: String, groups: [String]?, at site: CallSite) async throws -> Identity

    /// Ends the authentication.
    func removeAuthenticatedUser(at site: CallSite) async throws

    /// Puts a user into a group, or takes back that sequences have done so; says whether that changed anything.
    func setMembership(
        of user: String,
        in group: String,
        to isMember: Bool,
        at site: CallSite
    ) async throws -> Bool

    /// Who is in which groups.
    func ask(_ query: DirectoryQuery, at site: CallSite) async throws -> JSONValue

    /// Reads or changes what the caller's session keeps; gives the value where one is asked for, otherwise null.
    func session(_ access: SessionAccess, at site: CallSite) async throws -> JSONValue

    /// Publishes a message; returns when the broker has it.
    func publish(_ message: PublishedMessage, at site: CallSite) async throws

    /// Writes a line of the sequence's author.
    func log(_ level: SequenceLogLevel, _ message: JSONValue, at site: CallSite) async

    /// Waits.
    func sleep(for duration: Duration, at site: CallSite) async throws
}

/// Where sequences that are called by name are found.
package protocol SequenceLibrary: Sendable {
    /// The sequence of that name in that project, or nil when there is none.
    func sequence(_ name: String, inProject project: String) -> SequenceDefinition?

    /// What expressions of that project see as `symbols`.
    func symbols(ofProject project: String) -> JSONObject
}

/// The run that a sequence is part of, as expressions see it under `run`.
package struct RunDescription: Sendable, Hashable {
    package let id: String
    /// How often the run has been tried, this time included.
    package let attempt: Int
    /// What started the run: `call`, `listener`, `job`, `notification`, `login` ….
    package let cause: String
    /// What is told of the request that started it: `headers` by their names in small letters, and the client's
    /// `address`; empty for what no client waits for, and shown as no headers and no address.
    package let request: JSONObject

    package init(id: String, attempt: Int, cause: String, request: JSONObject = [:]) {
        self.id = id
        self.attempt = attempt
        self.cause = cause
        self.request = request
    }

    var json: JSONValue {
        let none: JSONObject = ["headers": [:], "address": .null]
        return [
            "id": .string(id), "attempt": .number(JSONNumber(attempt)), "cause": .string(cause),
            "request": .object(none.merging(request)),
        ]
    }
}
