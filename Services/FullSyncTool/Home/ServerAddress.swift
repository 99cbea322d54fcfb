import Foundation

/// The addresses of endpoints that whoever uses the tool names.
enum ServerAddress {
    /// Why a text is refused.
    enum Refusal: Error {
        /// It is no address of an HTTP server.
        case malformed
        /// It has a name or a password in it, which nobody would use and every message would show.
        case credentials

        /// Says so, and does not repeat the text.
        ///
        /// - Parameters:
        ///   - source: What named the address.
        ///   - place: What to do with the credentials instead.
        func sentence(on source: String, credentials place: String) -> String {
            switch self {
            case .malformed: "\(source) must be an address like http://host:5984, with a port from 1 to 65535"
            case .credentials:
                "\(source) must be an address without credentials, which the one in endpoints.json has: \(place)"
            }
        }
    }

    /// The address without a slash at its end.
    static func checked(_ text: String) throws(Refusal) -> String {
        guard let parts = URLComponents(string: text), ["http", "https"].contains(parts.scheme?.lowercased()),
            let host = parts.host, !host.isEmpty,
            parts.rangeOfPort == nil || parts.port.map({ 1...65_535 ~= $0 }) ?? false
        else { throw .malformed }
        guard parts.percentEncodedUser == nil, parts.percentEncodedPassword == nil else { throw .credentials }
        return String(text.reversed().drop { $0 == "/" }.reversed())
    }

    /// The address of this machine's endpoint at a port.
    static func local(_ port: Int) -> String { "http://127.0.0.1:\(port)" }

    /// Whether the address is that of this machine's endpoint at the port.
    static func isLocal(_ address: String, _ port: Int) -> Bool {
        guard let parts = URLComponents(string: address), let host = parts.host?.lowercased() else { return false }
        return parts.scheme?.lowercased() == "http" && ["127.0.0.1", "localhost", "::1", "[::1]"].contains(host)
            && (parts.port ?? 80) == port
    }
}
