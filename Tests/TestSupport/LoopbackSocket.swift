import Glibc

/// TCP sockets of loopback that no child process inherits, for servers and proxies that misbehave as tests want it.
package enum LoopbackSocket {
    package struct SocketError: Error {
        let number = errno
    }

    /// A socket that listens on a free port.
    package static func listening() throws -> (socket: Int32, port: Int) {
        let (listener, port) = try bound()
        guard listen(listener, 64) == 0 else {
            defer { close(listener) }
            throw SocketError()
        }
        return (listener, port)
    }

    /// A socket that has a free port, and does not listen.
    package static func bound() throws -> (socket: Int32, port: Int) {
        let socket = make()
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = with(&address) { pointer in
            bind(socket, pointer, length) == 0 && getsockname(socket, pointer, &length) == 0
        }
        guard isBound else {
            defer { close(socket) }
            throw SocketError()
        }
        return (socket, Int(UInt16(bigEndian: address.sin_port)))
    }

    /// The next connection of a listening socket; negative when there is none.
    package static func accept(_ listener: Int32) -> Int32 {
        let client = Glibc.accept(listener, nil, nil)
        if client >= 0 { _ = fcntl(client, F_SETFD, FD_CLOEXEC) }
        return client
    }

    /// A connection to a port; nil when nobody is there.
    package static func connected(to port: Int) -> Int32? {
        let socket = make()
        var address = loopback(port)
        guard with(&address, { connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }) == 0 else {
            close(socket)
            return nil
        }
        return socket
    }

    /// Reads what is there into the buffer; zero or less at the end.
    package static func receive(_ buffer: inout [UInt8], from socket: Int32) -> Int {
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count < 0, errno == EINTR else { return count }
        }
    }

    /// Writes all of the bytes; false when the other side has gone.
    package static func send(_ bytes: ArraySlice<UInt8>, to socket: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return false }
            rest = rest.dropFirst(written)
        }
        return true
    }

    private static func make() -> Int32 {
        socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func with<Value>(
        _ address: inout sockaddr_in,
        _ body: (UnsafeMutablePointer<sockaddr>) -> Value
    ) -> Value {
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
        }
    }
}

/// The two sockets of a connection through a proxy, which are closed when nobody carries bytes between them any more.
package final class ProxiedConnection: Sendable {
    private let sockets: (Int32, Int32)
    private let onClose: @Sendable () -> Void

    package init(_ client: Int32, _ server: Int32, onClose: @escaping @Sendable () -> Void = {}) {
        sockets = (client, server)
        self.onClose = onClose
    }

    deinit {
        onClose()
        close(sockets.0)
        close(sockets.1)
    }

    /// Ends both.
    package func shut() {
        _ = shutdown(sockets.0, Int32(SHUT_RDWR))
        _ = shutdown(sockets.1, Int32(SHUT_RDWR))
    }
}
