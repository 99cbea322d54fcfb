import Glibc

/// A listening socket that nobody serves: the kernel accepts, and nothing is ever said.
package final class SilentServer {
    /// One of loopback, which is all of 127.0.0.0/8.
    package let address: String
    package let port: UInt16
    private let descriptor: Int32
    private var accepted: [Int32] = []

    package struct SocketError: Error {
        let number = errno
    }

    /// One on a free port of 127.0.0.1.
    package convenience init() throws { try self.init(address: "127.0.0.1", port: 0) }

    /// One beside a server that has that port of 127.0.0.1: on the next address on which it is free.
    package static func beside(_ port: Int) throws -> SilentServer {
        for number in 2..<254 {
            if let server = try? SilentServer(address: "127.0.0.\(number)", port: UInt16(port)) { return server }
        }
        throw SocketError()
    }

    private init(address: String, port: UInt16) throws {
        self.address = address
        // So that what takes connections off the queue does not wait for one.
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        self.descriptor = descriptor
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = port.bigEndian
        place.sin_addr.s_addr = inet_addr(address)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &place) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        self.port = UInt16(bigEndian: place.sin_port)
        guard isListening else { throw SocketError() }
    }

    deinit {
        for connection in accepted { close(connection) }
        close(descriptor)
    }

    /// How many connections were made to it so far.
    package var connectionCount: Int {
        while true {
            let connection = accept(descriptor, nil, nil)
            guard connection >= 0 else { return accepted.count }
            accepted.append(connection)
        }
    }
}
