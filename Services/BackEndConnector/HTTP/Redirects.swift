import Foundation

/// Decides whether a redirect is followed, and with what.
///
/// Only requests that read are sent again somewhere else, five times at most. What the connector was given to show to
/// its back end, credentials first of all, goes to the same origin only; elsewhere the request goes bare, and never
/// from `https` to `http`. Behind a proxy it goes nowhere else: what the proxy's machine reaches is not the back end's
/// to choose.
struct Redirects {
    private static let maximum = 5
    /// What may be shown to another origin.
    private static let publicHeaders: Set<String> = ["accept", "accept-language", "traceparent", "user-agent"]

    private var visited: Set<String>
    private let staysAtOrigin: Bool

    /// The redirects of a request that goes to that URL first.
    ///
    /// - Parameter staysAtOrigin: Whether those to another origin are refused.
    init(from url: String, staysAtOrigin: Bool = false) {
        visited = [url]
        self.staysAtOrigin = staysAtOrigin
    }

    /// The request to send next; nil when the answer is no redirect, or one that is the caller's to see.
    mutating func next(
        _ request: OutgoingRequest,
        status: Int,
        location: String?
    ) throws(ExchangeFailure) -> OutgoingRequest? {
        guard [301, 302, 303, 307, 308].contains(status), ["GET", "HEAD"].contains(request.method), let location else {
            return nil
        }
        guard let from = URL(string: request.url), let target = URL(string: location, relativeTo: from)?.absoluteURL,
            let origin = Self.origin(of: target), let ownOrigin = Self.origin(of: from)
        else { throw .redirectRefused("its address is none") }
        guard target.user == nil, target.password == nil else { throw .redirectRefused("it holds credentials") }
        guard ownOrigin.hasPrefix("http:") || origin.hasPrefix("https:") else {
            throw .redirectRefused("it leads from https to http")
        }
        guard !staysAtOrigin || origin == ownOrigin else {
            throw .redirectRefused("it leads to another origin, and the connector has a proxy")
        }
        guard visited.count <= Self.maximum else { throw .redirectRefused("there are more than \(Self.maximum)") }
        guard visited.insert(target.absoluteString).inserted else { throw .redirectRefused("it leads in a circle") }
        var next = request
        next.url = target.absoluteString
        if origin != ownOrigin {
            next.headers = request.headers.filter { Self.publicHeaders.contains($0.name.lowercased()) }
        }
        return next
    }

    /// Whether two addresses have the same scheme, host and port.
    func isSameOrigin(_ one: String, _ other: String) -> Bool {
        guard let one = URL(string: one).flatMap(Self.origin), let other = URL(string: other).flatMap(Self.origin)
        else { return false }
        return one == other
    }

    /// Scheme, host and port; nil for what is not HTTP, or no port.
    private static func origin(of url: URL) -> String? {
        guard HTTPTransport.ports.contains(url.port ?? 80) else { return nil }
        guard let scheme = url.scheme?.lowercased(), let host = url.host?.lowercased(), !host.isEmpty else {
            return nil
        }
        switch scheme {
        case "http": return "http://\(host):\(url.port ?? 80)"
        case "https": return "https://\(host):\(url.port ?? 443)"
        default: return nil
        }
    }
}
