import HTTPTypes
import NIOCore

/// Where a request came from, and how.
struct ClientConnection: Sendable, Hashable {
    /// The client's address; nil where the connection has none.
    let address: IPAddress?
    /// The address as text, for those who look at the list of sessions.
    let addressText: String?
    /// Whether the client speaks TLS, as far as this is known here: with the proxy in front of this server.
    let isSecure: Bool

    /// - Parameters:
    ///   - peer: The other end of the connection.
    ///   - proxies: Those whose word on the client is taken. Whoever else sends `X-Forwarded-…` speaks of nobody.
    init(peer: String?, headers: HTTPFields, proxies: [IPNetwork]) {
        let peerAddress = peer.flatMap { IPAddress($0) }
        guard let nearest = peerAddress, proxies.contains(where: { $0.contains(nearest) }) else {
            address = peerAddress
            addressText = peer
            isSecure = false
            return
        }
        // Each proxy adds the one that it heard from at the end: the first from there that is no proxy is the client,
        // and what stands before it is what the client says of itself.
        let chain = headers[values: HTTPHeader.forwardedFor].joined(separator: ",").split(separator: ",")
            .map { $0.trimmingPrefix { $0 == " " }.prefix { $0 != " " } }
        var client: (address: IPAddress, text: String)?
        for text in chain.reversed() {
            guard let address = IPAddress(text) else { break }
            client = (address, String(text))
            guard proxies.contains(where: { $0.contains(address) }) else { break }
        }
        address = client?.address ?? nearest
        addressText = client?.text ?? peer
        let scheme = headers[values: HTTPHeader.forwardedProto].last?.split(separator: ",").last
        isSecure = scheme?.trimmingPrefix { $0 == " " }.lowercased() == "https"
    }
}
