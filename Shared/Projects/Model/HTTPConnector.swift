import JSON
package import Sequences

/// A back end that is called over HTTP.
package struct HTTPConnector: Sendable {
    package var baseURL: BaseURL
    /// Sent with every request, unless the transaction sends the same one.
    package var headers: [HTTPField]
    package var authentication: HTTPAuthentication?
    /// Certificates of the connector's own; nil for the system's authorities and no certificate.
    package var certificates: HTTPCertificates?
    package var proxy: HTTPProxy?
    /// Whether cookies are kept between calls, each user's session for itself.
    package var keepsCookies: Bool
    package var timeout: Duration
    /// How many bytes of a response's body are read at most.
    package var responseLimit: Int
    /// How many requests may be under way at once, per process.
    package var concurrency: Int
    package var addresses: AddressRules
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
    /// RFC 7616.
    case digest(user: String, password: String)
    /// Client credentials (RFC 6749, section 4.4).
    case oauth2(OAuth2Client)

    package var description: String {
        switch self {
        case .basic: "basic"
        case .bearer: "bearer"
        case .digest: "digest"
        case .oauth2: "oauth2"
        }
    }

    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Whom a token is asked for.
package struct OAuth2Client: Sendable, Hashable {
    package var tokenURL: BaseURL
    package var id: String
    package var secret: String
    package var scope: String?
    /// What some servers want besides, like `audience`.
    package var parameters: [OAuth2Parameter]
    /// Whether id and secret stand in the body rather than in the `Authorization` header.
    package var isInBody: Bool
}

/// One more parameter of a request for a token.
package struct OAuth2Parameter: Sendable, Hashable {
    package let name: String
    package let value: String
}

/// Certificates as PEM.
package struct HTTPCertificates: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// The authorities that may vouch for the server; nil for those of the system.
    package var authority: String?
    /// The chain that this side shows, its own certificate first, and the key to it.
    package var own: ClientCertificate?

    package var description: String { own == nil ? "authority" : "client certificate" }

    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A certificate that this side shows, with its key, both as PEM.
package struct ClientCertificate: Sendable, Hashable {
    package var chain: String
    package var key: String
}

/// A proxy that requests go through.
package struct HTTPProxy: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    package var host: String
    package var port: Int
    package var user: String?
    package var password: String?

    package var description: String { "\(host):\(port)" }

    package var customMirror: Mirror { Mirror(self, children: ["proxy": description]) }
}

/// One part of a `multipart/form-data` body.
package struct MultipartField: Sendable, Hashable {
    package enum Content: Sendable, Hashable {
        case text(PlaceholderText)
        /// Bytes as Base64.
        case base64(PlaceholderText)
    }

    package let name: String
    package var content: Content
    package var fileName: PlaceholderText?
    /// Of nothing, and then there is none, when it is one placeholder of nothing.
    package var contentType: PlaceholderText?

    var variables: [String] {
        let value =
            switch content {
            case .text(let text), .base64(let text): text.variables
            }
        return value + (fileName?.variables ?? []) + (contentType?.variables ?? [])
    }
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
        /// JSON in the form of `XMLWriter`.
        case xml(JSONTemplate, contentType: String)
        /// Text whose values are escaped for XML.
        case xmlText(PlaceholderText, contentType: String)
        case multipart([MultipartField])
        /// Bytes, given as Base64.
        case base64(PlaceholderText, contentType: PlaceholderText)

        /// The variables that it needs.
        var variables: [String] {
            switch self {
            case .none: []
            case .json(let template), .xml(let template, _): template.variables
            case .form(let fields): fields.flatMap(\.value.variables)
            case .text(let text, _), .xmlText(let text, _): text.variables
            case .multipart(let fields): fields.flatMap(\.variables)
            case .base64(let bytes, let contentType): bytes.variables + contentType.variables
            }
        }
    }

    /// How the response's body is read.
    package enum AnswerForm: String, Sendable, Hashable, CaseIterable {
        case json
        case text
        /// As JSON, in the form of `XMLReader`.
        case xml
        /// Any bytes, as Base64.
        case base64
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
    /// How many bytes of the body are read at most, when that is not the connector's limit.
    package var responseLimit: Int?
    package var position: SourcePosition
}

/// A set of HTTP statuses.
package struct StatusSet: Sendable, Hashable {
    package var ranges: [ClosedRange<Int>]

    /// Every 2xx.
    package static let success = StatusSet(ranges: [200...299])

    package func contains(_ status: Int) -> Bool { ranges.contains { $0.contains(status) } }
}
