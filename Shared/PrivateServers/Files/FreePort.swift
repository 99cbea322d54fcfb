import Glibc

/// Ports of 127.0.0.1 that nobody uses.
package enum FreePort {
    /// What a port is for.
    package enum Use {
        /// A server binds it at once, and who starts the server tries again with another when somebody was quicker.
        case atOnce
        /// Somebody is told the port first, and it cannot be another later: no port of the other kind is one of these.
        case later

        /// Below those that Linux gives away (`net.ipv4.ip_local_port_range`), above those that well-known services
        /// have.
        fileprivate var ports: Range<Int> {
            switch self {
            case .atOnce: 10_000..<22_000
            case .later: 22_000..<32_768
            }
        }
    }

    /// A port that was free a moment ago.
    ///
    /// Those that the system gives to outgoing connections, and to whoever asks for no port of its own, are the last to
    /// be chosen.
    package static func any(for use: Use = .atOnce) throws(FileError) -> Int {
        for _ in 0..<100 {
            let port = Int.random(in: use.ports)
            if isFree(port) { return port }
        }
        return try bound(to: 0)
    }

    /// Whether a server could listen on `port` now.
    package static func isFree(_ port: Int) -> Bool {
        (try? bound(to: port)) != nil
    }

    /// Binds a socket to the port and gives the number, then lets it go.
    private static func bound(to port: Int) throws(FileError) -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw FileError(path: "socket", errorNumber: errno) }
        defer { close(descriptor) }
        // As servers do: a port whose last connections are still in TIME_WAIT is free.
        var reuse: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 ? getsockname(descriptor, generic, &length) : -1
            }
        }
        guard result == 0 else { throw FileError(path: "127.0.0.1:\(port)", errorNumber: errno) }
        return Int(in_port_t(bigEndian: address.sin_port))
    }
}
