import ControlStore
import DocumentStore
import JSON
import Sequences

/// Users and groups.
extension RunEffects {
    /// How many names one answer has.
    private static let nameLimit = 10_000

    var memberships: RunMemberships { RunMemberships(run: run, store: store, control: control) }

    func setMembership(
        of user: String,
        in group: String,
        to isMember: Bool,
        at site: CallSite
    ) async throws -> Bool {
        try await memberships.set(user, in: group, to: isMember, step: site.path.key)
    }

    func ask(_ query: DirectoryQuery, at site: CallSite) async throws -> JSONValue {
        switch query {
        case .groupsOf(let user): Self.names(try await store.groups(of: user).sortedTexts)
        case .usersOf(let group): Self.names(try await store.members(of: group))
        case .groups(after: let name):
            Self.counts(try await store.groupCounts(after: name, limit: Self.nameLimit), "group", "users")
        case .users(after: let name):
            Self.counts(try await store.userCounts(after: name, limit: Self.nameLimit), "user", "groups")
        }
    }

    private static func names(_ names: [String]) -> JSONValue { .array(names.map(JSONValue.string)) }

    private static func counts(_ counts: [DocumentStore.Count], _ name: String, _ number: String) -> JSONValue {
        .array(
            counts.map { count in
                .object([name: .string(count.name), number: .number(JSONNumber(count.count))])
            }
        )
    }
}
