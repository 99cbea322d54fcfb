package import Executors
import Glibc

/// The addresses that a name stands for, asked of the system.
package struct HostNames: Sendable {
    /// Why a name has no addresses.
    package enum Failure: Error, Hashable, Sendable {
        case unknown
        /// The system did not answer in time.
        case late
    }

    /// `getaddrinfo` blocks as long as the name's servers let it wait.
    private let threads: ThreadPoolExecutor

    package init(threads: ThreadPoolExecutor) {
        self.threads = threads
    }

    /// The addresses of a name, each as 4 or 16 bytes; at least one.
    package func addresses(
        of name: String,
        until deadline: ContinuousClock.Instant
    ) async throws(Failure) -> [[UInt8]] {
        guard let addresses = await threads.run(until: deadline, { Self.resolve(name) }) else { throw .late }
        guard !addresses.isEmpty else { throw .unknown }
        return addresses
    }

    private static func resolve(_ name: String) -> [[UInt8]] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0, let list else { return [] }
        defer { freeaddrinfo(list) }
        var result: [[UInt8]] = []
        var next: UnsafeMutablePointer<addrinfo>? = list
        while let entry = next {
            switch entry.pointee.ai_family {
            case AF_INET:
                entry.pointee.ai_addr.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { address in
                    result.append(withUnsafeBytes(of: &address.pointee.sin_addr, Array.init))
                }
            case AF_INET6:
                entry.pointee.ai_addr.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
                    result.append(withUnsafeBytes(of: &address.pointee.sin6_addr, Array.init))
                }
            default: break
            }
            next = entry.pointee.ai_next
        }
        return result
    }
}
