package import JSON
package import Sequences

/// A directory that is asked over LDAP.
package struct LDAPConnector: Sendable {
    /// The names or addresses of its servers; the first that answers is used.
    package var hosts: [String]
    package var port: Int
    package var security: ConnectionSecurity
    /// Whether TLS begins within the protocol rather than with the first byte.
    package var startsTLS: Bool
    /// Who searches; nil is nobody.
    package var account: LDAPAccount?
    package var timeout: Duration
    /// How many bytes of values one search answers at most.
    package var responseLimit: Int
    package var concurrency: Int
    package var addresses: AddressRules
    package var transactions: [String: LDAPTransaction]

    package static let defaultTimeout = Duration.seconds(10)
    package static let longestTimeout = Duration.seconds(120)
    package static let defaultResponseLimit = 8 << 20
    package static let largestResponseLimit = 64 << 20
    package static let defaultConcurrency = 8
    package static let defaultLimit = 1_000
    package static let largestLimit = 100_000
}

/// The account that searches.
package struct LDAPAccount: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    package let dn: String
    package let password: String

    package var description: String { dn }

    package var customMirror: Mirror { Mirror(self, children: ["dn": dn]) }
}

/// One thing that a directory can be asked.
package struct LDAPTransaction: Sendable {
    package enum Action: Sendable {
        case search(LDAPSearchTemplate)
        case authenticate(LDAPAuthentication)
    }

    package let name: String
    package var description: String?
    package var action: Action
    package var variables: [VariableDefinition]
    package var timeout: Duration?
    package var position: SourcePosition

    /// A directory is only read.
    package var isIdempotent: Bool { true }
}

/// A search in which placeholders stand for values.
package struct LDAPSearchTemplate: Sendable, Hashable {
    package enum Scope: String, Sendable, Hashable, CaseIterable {
        case base
        case one
        case subtree
    }

    package var base: PlaceholderText
    package var scope: Scope
    package var filter: PlaceholderText
    /// The attributes that are wanted; all of them when empty.
    package var attributes: [String]
    /// The attributes whose values are bytes rather than text.
    package var binary: Set<String>
    /// The most entries.
    package var limit: Int

    var variables: [String] { base.variables + filter.variables }

    /// The base and the filter with their values, each escaped for its place.
    package func filled(with values: JSONObject) throws(SequenceFailure) -> (base: String, filter: String) {
        (
            try base.filled(with: values) { text throws(SequenceFailure) in try LDAPEscaping.nameValue(text) },
            try filter.filled(with: values) { LDAPEscaping.filterValue($0) }
        )
    }
}

/// How a user is told to be who they say.
package struct LDAPAuthentication: Sendable {
    /// How the user's entry is found.
    package enum Subject: Sendable, Hashable {
        /// Its name is known.
        case name(PlaceholderText)
        /// The one entry that a search of the connector's account finds.
        case search(LDAPSearchTemplate)
    }

    package var subject: Subject
    /// The variable that holds the password.
    package var password: String
    /// The attributes of the user's entry that are answered; all of them when empty.
    package var attributes: [String]
    package var binary: Set<String>

    var variables: [String] {
        switch subject {
        case .name(let text): text.variables + [password]
        case .search(let search): search.variables + [password]
        }
    }

    /// The entry's name with its values.
    package func name(
        _ text: PlaceholderText,
        with values: JSONObject
    ) throws(SequenceFailure) -> String {
        try text.filled(with: values) { text throws(SequenceFailure) in try LDAPEscaping.nameValue(text) }
    }
}
