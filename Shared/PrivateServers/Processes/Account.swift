import Glibc

/// An account of this machine, as far as starting a process under it needs.
package struct Account: Sendable, Hashable {
    package let name: String
    package let user: UInt32
    package let group: UInt32

    /// Whether this process runs as root and so can start others under any account.
    package static var isRoot: Bool { geteuid() == 0 }

    /// The account called `name`, or nil when the machine has none.
    ///
    /// Read from `/etc/passwd`, where the accounts that Debian's packages make are.
    package static func named(_ name: String) -> Account? {
        guard let text = try? TextFile.read("/etc/passwd") else { return nil }
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count >= 4, fields[0] == name, let user = UInt32(fields[2]), let group = UInt32(fields[3])
            else { continue }
            return Account(name: name, user: user, group: group)
        }
        return nil
    }
}
