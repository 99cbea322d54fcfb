import JSON
package import Sequences

/// A back end that is called over HTTP.
package struct HTTPConnector: Sendable {
    package var baseURL: BaseURL
    /// Sent with every request, unless the transaction sends the same one.
    package var headers: [HTTPField]
    package var authentication: HTTPAuthentication?
    package var timeout: Duration
    /// How many bytes of a response's body are read at most.
    package var responseLimit: Int
    /// How many requests may be under way at once, per process.
    package var concurrency: Int
    package var transactions: [String: HTTPTransaction]

    package static let defaultTimeout = Duration.seconds(30)
    package static let longestTimeout = Duration.seconds(600)
    package static let defaultResponseLimit = 32 << 20
    package static let largestResponseLimit = 256 << 20
    package static let defaultConcurrency = 16
}

/// A header or parameter whose value is a text with placeholders.
package struct HTTPField: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    package let name: String
    package let value: PlaceholderText

    /// The name alone: the value may hold a secret.
    package var description: String { name }

    package var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}

/// How requests are authenticated.
///
/// Its descriptions show no secret.
package enum HTTPAuthentication: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    case basic(user: String, password: String)
    case bearer(String)

    package var description: String {
        switch self {
        case .basic: "basic"
        case .bearer: "bearer"
        }
    }

    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// One request that a connector can make.
package struct HTTPTransaction: Sendable {
    package enum Method: String, Sendable, Hashable, CaseIterable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
        case options = "OPTIONS"

        /// Whether the method only reads (RFC 9110, section 9.2.1).
        package var isSafe: Bool { self == .get || self == .head || self == .options }
    }

    /// What is sent.
    package enum Body: Sendable {
        case none
        case json(JSONTemplate)
        case form([HTTPField])
        case text(PlaceholderText, contentType: String)
    }

    /// How the response's body is read.
    package enum AnswerForm: String, Sendable, Hashable, CaseIterable {
        case json
        case text
        /// The body is not read at all.
        case none
    }

    package let name: String
    package var description: String?
    package var method: Method
    package var path: PlaceholderText
    package var query: [HTTPField]
    package var headers: [HTTPField]
    package var body: Body
    package var variables: [VariableDefinition]
    /// The statuses that are answers rather than errors.
    package var accepted: StatusSet
    /// Whether the request may be repeated when nobody knows what became of it.
    package var isIdempotent: Bool
    package var answer: AnswerForm
    package var timeout: Duration?
    package var position: SourcePosition
}

/// A set of HTTP statuses.
package struct StatusSet: Sendable, Hashable {
    package var ranges: [ClosedRange<Int>]

    /// Every 2xx.
    package static let success = StatusSet(ranges: [200...299])

    package func contains(_ status: Int) -> Bool { ranges.contains { $0.contains(status) } }
}
