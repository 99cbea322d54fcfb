import Foundation
import Glibc

/// What the descriptors of a process refer to, as Linux names it.
func descriptors(of identifier: Int32) throws -> [String] {
    let directory = "/proc/\(identifier)/fd"
    return try FileManager.default.contentsOfDirectory(atPath: directory).compactMap { name in
        try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\(name)")
    }
}

/// A pipe that every child of this process inherits unless something prevents it.
struct InheritedPipe {
    private let ends: [Int32]

    static func open() -> InheritedPipe {
        var ends: [Int32] = [-1, -1]
        _ = pipe(&ends)
        return InheritedPipe(ends: ends)
    }

    /// What Linux calls the pipe.
    var names: [String] {
        ends.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)") }
    }

    func close() {
        for end in ends { _ = Glibc.close(end) }
    }
}
