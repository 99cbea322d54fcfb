import Glibc

/// How much memory this process has, by the system's count.
enum ResidentMemory {
    private static let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    private static let pageSize = sysconf(Int32(_SC_PAGESIZE))

    /// The resident bytes; nil when the system does not say.
    static func current() -> Int? {
        var text = [UInt8](repeating: 0, count: 128)
        let count = pread(file, &text, text.count, 0)
        guard count > 0 else { return nil }
        // "size resident shared …", in pages.
        let fields = text[..<count].split(separator: UInt8(ascii: " "))
        guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else { return nil }
        return pages * pageSize
    }
}
