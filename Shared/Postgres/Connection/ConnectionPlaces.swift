import Glibc

/// The places that libpq's parameters name, each as parameters of its own.
///
/// libpq would try all of them within one connection, but knows no time-out for each when its caller does the waiting.
///
/// Source: <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS>
enum ConnectionPlaces {
    /// The parameters once for each host, in the order in which libpq would try them.
    static func hosts(of parameters: [String: String]) -> [[String: String]] {
        let names = list(parameters["host"])
        let addresses = list(parameters["hostaddr"])
        let ports = list(parameters["port"])
        let count = addresses.isEmpty ? max(1, names.count) : addresses.count
        // What does not fit together libpq refuses, in words of its own.
        guard names.isEmpty || names.count == count, ports.count <= 1 || ports.count == count else {
            return [parameters]
        }
        let hosts = (0..<count).map { index in
            var host = parameters
            for (key, values) in [("host", names), ("hostaddr", addresses), ("port", ports)] where !values.isEmpty {
                host[key] = values.count == 1 ? values[0] : values[index]
            }
            return host
        }
        guard parameters["target_session_attrs"] == "prefer-standby" else { return hosts }
        // Alone, each would be taken whatever it is: first those that are preferred, then any.
        return ["standby", "any"].flatMap { wanted in
            hosts.map { $0.merging(["target_session_attrs": wanted]) { $1 } }
        }
    }

    /// The parameters of one host once for each address that its name stands for; blocks.
    static func addresses(of host: [String: String]) throws(PostgresError) -> [[String: String]] {
        // An address is there already, or a socket's file is named, or nothing, which libpq has a meaning for.
        guard host["hostaddr", default: ""].isEmpty, let name = host["host"], let first = name.first,
            first != "/", first != "@", !name.contains(",")
        else { return [host] }
        return try resolve(name).map { address in host.merging(["hostaddr": address]) { $1 } }
    }

    private static func list(_ text: String?) -> [String] {
        guard let text, !text.isEmpty else { return [] }
        return text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// The addresses of a name as texts, in the system's order; at least one.
    private static func resolve(_ name: String) throws(PostgresError) -> [String] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, nil, &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        var result: [String] = []
        var next = list
        while let entry = next {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let (address, length) = (entry.pointee.ai_addr, entry.pointee.ai_addrlen)
            if getnameinfo(address, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 {
                result.append(text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" })
            }
            next = entry.pointee.ai_next
        }
        guard code == 0, !result.isEmpty else {
            let reason = code == 0 ? "it has none" : String(cString: gai_strerror(code))
            throw .connectionFailed("could not translate host name \"\(name)\" to address: \(reason)")
        }
        return result
    }
}
