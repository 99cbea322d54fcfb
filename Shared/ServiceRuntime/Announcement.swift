import Foundation
import JSON
import NIOCore
import Synchronization

/// Writes a file with the addresses of this process once it listens, for whoever started it.
///
/// The file appears whole or not at all: `{"pid": 17, "operations": "http://127.0.0.1:40001", "http": "http://…"}`.
final class Announcement: Sendable {
    private let path: String?
    private let awaitsHTTP: Bool
    private let addresses = Mutex(Addresses())

    private struct Addresses {
        var operations: String?
        var http: String?
    }

    /// An announcement to the file of that path, or to nobody.
    init(path: String?, awaitsHTTP: Bool) {
        self.path = path
        self.awaitsHTTP = awaitsHTTP
    }

    /// Notes the address of `/_up`, and writes when all is known.
    func set(operations address: SocketAddress?) throws {
        try update { $0.operations = url(of: address) }
    }

    /// Notes the public HTTP address, and writes when all is known.
    func set(http address: SocketAddress?) throws {
        try update { $0.http = url(of: address) }
    }

    private func update(_ change: (inout Addresses) -> Void) throws {
        let addresses = addresses.withLock { addresses in
            change(&addresses)
            return addresses
        }
        guard let path, let operations = addresses.operations, addresses.http != nil || !awaitsHTTP else { return }
        var members: JSONObject = [
            "pid": .number(JSONNumber(Int(ProcessInfo.processInfo.processIdentifier))),
            "operations": .string(operations),
        ]
        if let http = addresses.http { members["http"] = .string(http) }
        try Data(JSONValue.object(members).bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}

/// The URL of a listening socket; one that listens on every address is shown as this machine's own.
private func url(of address: SocketAddress?) -> String? {
    guard let address, let port = address.port, let host = address.ipAddress else { return nil }
    switch host {
    case "0.0.0.0": return "http://127.0.0.1:\(port)"
    case "::": return "http://[::1]:\(port)"
    default: return host.contains(":") ? "http://[\(host)]:\(port)" : "http://\(host):\(port)"
    }
}
