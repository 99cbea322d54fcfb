package import JSON

/// One message on a pipe between a service and a script host.
///
/// On the wire: the number of sections, the length of the header, the lengths of the sections, each in four bytes,
/// the lowest first; then the header, a JSON object; then the sections, JSON texts as they are. Documents and rows
/// are sections, so that neither side parses what only passes through.
package struct Frame: Sendable {
    package var header: JSONObject
    package var sections: [ArraySlice<UInt8>]

    package init(_ header: JSONObject, sections: [ArraySlice<UInt8>] = []) {
        self.header = header
        self.sections = sections
    }

    /// How many sections a frame may have.
    package static let maximumSections = 20_000
    /// How many bytes a header may have.
    package static let maximumHeader = 4 << 20
    /// How many bytes stand before the lengths of the sections.
    static let prefixSize = 8

    /// How many bytes the sections have.
    var sectionsSize: Int { sections.reduce(0) { $0 + $1.count } }

    /// The frame as it goes over the wire.
    package var bytes: [UInt8] {
        let header = JSONValue.object(header).bytes
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.prefixSize + 4 * sections.count + header.count + sectionsSize)
        bytes.append(integer: sections.count)
        bytes.append(integer: header.count)
        for section in sections { bytes.append(integer: section.count) }
        bytes.append(contentsOf: header)
        for section in sections { bytes.append(contentsOf: section) }
        return bytes
    }

    /// Reads a frame from whatever gives bytes.
    ///
    /// - Parameters:
    ///   - limit: How many bytes the frame may have.
    ///   - read: Gives exactly that many bytes, or nil at the end of the input.
    /// - Returns: The frame, or nil when the input ends before it.
    /// - Throws: What reading threw, or that this is no frame.
    package static func read(
        limit: Int,
        _ read: (Int) throws(FrameError) -> [UInt8]?
    ) throws(FrameError) -> Frame? {
        guard let prefix = try read(prefixSize) else { return nil }
        let count = prefix.integer(at: 0)
        let headerSize = prefix.integer(at: 4)
        guard count <= maximumSections else { throw .malformed("\(count) sections") }
        guard headerSize <= maximumHeader else { throw .malformed("a header of \(headerSize) bytes") }
        guard let lengths = try read(4 * count) else { throw .truncated }
        let sizes = (0..<count).map { lengths.integer(at: 4 * $0) }
        let size = sizes.reduce(headerSize, +)
        guard size <= limit else { throw .malformed("a frame of \(size) bytes, where \(limit) are allowed") }
        guard let body = try read(size) else { throw .truncated }
        guard let header = try? JSONValue(parsing: Array(body[..<headerSize])).objectValue else {
            throw .malformed("a header that is no JSON object")
        }
        var frame = Frame(header)
        frame.sections.reserveCapacity(count)
        var start = headerSize
        for size in sizes {
            frame.sections.append(body[start..<(start + size)])
            start += size
        }
        return frame
    }
}

/// Why no frame was read or written.
package enum FrameError: Error, Sendable, Hashable {
    /// The bytes are no frame, and why.
    case malformed(String)
    /// The other end has gone, perhaps in the middle of a frame.
    case truncated
    /// The time was over.
    case deadline
    /// The system refused, with this `errno`.
    case system(Int32)
}

extension [UInt8] {
    /// Appends a number in four bytes, the lowest first.
    fileprivate mutating func append(integer: Int) {
        let value = UInt32(clamping: integer)
        for shift in stride(from: UInt32(0), to: 32, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    /// The number in the four bytes at that index.
    fileprivate func integer(at index: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(self[index + $1]) << (8 * $1) }
    }
}
