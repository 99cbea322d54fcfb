import Foundation

/// The addresses of endpoints that whoever uses the tool names.
enum ServerAddress {
    static let expected = "an address like http://host:5984, with a port from 1 to 65535"

    /// The address without a slash at its end; nil when it is none of an HTTP server.
    static func checked(_ text: String) -> String? {
        guard let parts = URLComponents(string: text), ["http", "https"].contains(parts.scheme?.lowercased()),
            let host = parts.host, !host.isEmpty,
            parts.rangeOfPort == nil || parts.port.map({ 1...65_535 ~= $0 }) ?? false
        else { return nil }
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
