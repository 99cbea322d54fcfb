import Foundation
import Testing

@testable import Compression

@Suite struct GunzipTests {
    /// What `gzip -c` makes of a text, from which every other packed content of these tests is made.
    private func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
        let file = FileManager.default.temporaryDirectory.appending(path: "gunzip-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(bytes).write(to: file)
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/bin/gzip")
        process.arguments = ["-c", file.path]
        process.standardOutput = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Array(output)
    }

    private func unpack(_ packed: [UInt8], pieces: Int) throws -> [UInt8] {
        let gunzip = try Gunzip()
        var output: [UInt8] = []
        for start in stride(from: 0, to: packed.count, by: pieces) {
            gunzip.append(packed[start..<min(start + pieces, packed.count)])
            while let bytes = try gunzip.next() { output += bytes }
        }
        try gunzip.finish()
        return output
    }

    @Test(arguments: [0, 1, 1_000, 1_000_000])
    func `what was packed comes back, in pieces of any size`(_ length: Int) throws {
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 / 3) }
        let packed = try gzip(bytes)
        for pieces in [1, 7, 100_000] where pieces > 1 || length <= 1_000 {
            #expect(try unpack(packed, pieces: pieces) == bytes)
        }
    }

    @Test func `what was packed in several members comes back as one`() throws {
        let (one, none) = (try gzip(Array("hello ".utf8)), try gzip([]))
        for pieces in [1, 7, 100_000] {
            #expect(try unpack(none + one + none + none + one, pieces: pieces) == Array("hello hello ".utf8))
        }
        #expect(throws: GzipError.self) { try unpack(one + Array("and something else".utf8), pieces: 100) }
    }

    @Test func `what is cut off or no gzip is an error`() throws {
        let packed = try gzip(Array("hello hello hello".utf8))
        #expect(throws: GzipError.self) { try unpack(packed.dropLast(9), pieces: 100) }
        #expect(throws: GzipError.self) { try unpack(Array("no gzip at all".utf8), pieces: 100) }
        #expect(throws: GzipError.self) { try unpack([], pieces: 100) }
    }
}

extension GunzipTests {
    private func unpack(_ packed: ArraySlice<UInt8>, pieces: Int) throws -> [UInt8] {
        try unpack(Array(packed), pieces: pieces)
    }
}
