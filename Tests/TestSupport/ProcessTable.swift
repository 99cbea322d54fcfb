import Foundation
package import PrivateServers

/// What runs on this machine, as `/proc` shows it.
package enum ProcessTable {
    /// The processes whose command line or environment names `directory`.
    package static func processes(naming directory: String) -> [ProcessIdentity] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { pid in
            ["cmdline", "environ"].contains { file in
                guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/\(file)") else { return false }
                return String(decoding: data, as: UTF8.self).contains(directory)
            }
        }
        .compactMap { ProcessIdentity(pid: $0) }
    }

    /// Whether the process listens at a port of an IPv4 address.
    ///
    /// Where the system does not show what the process has open, whoever listens is taken for it.
    ///
    /// Source: `proc_pid_fd(5)`, and `proc_net_tcp` of the kernel's documentation.
    package static func listens(_ pid: Int32, at port: Int) -> Bool {
        // Those that listen come first, before thousands of connections perhaps.
        let table = try? FileHandle(forReadingAtPath: "/proc/net/tcp")?.read(upToCount: 1 << 16)
        let lines = String(decoding: table ?? Data(), as: UTF8.self).split(separator: "\n")
        let listeners = lines.compactMap { line -> String? in
            let fields = line.split(separator: " ")
            // `local_address`, `st` (LISTEN is 0A) and `inode`.
            guard fields.count > 9, fields[3] == "0A", Int(fields[1].suffix(4), radix: 16) == port else { return nil }
            return "socket:[\(fields[9])]"
        }
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd") else {
            return !listeners.isEmpty
        }
        return names.contains { name in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(name)")
            return target.map(listeners.contains) ?? false
        }
    }
}
