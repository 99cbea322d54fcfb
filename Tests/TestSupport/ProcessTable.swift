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
}
