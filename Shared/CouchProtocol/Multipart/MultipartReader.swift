import Foundation

/// Reads a multipart body (RFC 2046, section 5.1) as it arrives.
///
/// Bytes are pushed in pieces of any size; what they complete comes back as events. It keeps no more than the headers
/// of one part, or as much of a content as could be the beginning of a delimiter.
package struct MultipartReader: Sendable {
    /// What has been read.
    package enum Event: Hashable, Sendable {
        /// A part begins.
        case part(MultipartHeaders)
        /// The next bytes of the part's content.
        case content([UInt8])
        /// The part is complete.
        case partEnd
        /// The last part is complete; what follows means nothing.
        case end
    }

    private enum State {
        /// Before the first delimiter.
        case preamble
        /// Behind a delimiter, before the empty line that ends the headers.
        case headers
        case content
        case epilogue
    }

    /// How long a boundary may be; RFC 2046 says 70, and clients are found that do not keep to it.
    private static let boundaryLimit = 256

    /// The line break, `--` and the boundary.
    private let delimiter: [UInt8]
    private let headerLimit: Int
    private var state = State.preamble
    /// What has not become an event; at first the line break that the first delimiter may go without.
    private var buffer: [UInt8] = [0x0D, 0x0A]
    private var position = 0

    /// - Parameters:
    ///   - type: The body's `Content-Type`, with the boundary.
    ///   - headerLimit: How many bytes the headers of one part may have.
    package init(_ type: MediaType, headerLimit: Int = 16 << 10) throws(CouchError) {
        guard type.isMultipart, let boundary = type.parameters["boundary"],
            1...Self.boundaryLimit ~= boundary.utf8.count, !boundary.utf8.contains(0x0D), !boundary.utf8.contains(0x0A)
        else { throw .badRequest("The multipart body has no usable boundary.") }
        delimiter = Array("\r\n--\(boundary)".utf8)
        self.headerLimit = headerLimit
    }

    /// Whether the closing delimiter has been read.
    package var isAtEnd: Bool {
        if case .epilogue = state { true } else { false }
    }

    /// Takes the next bytes of the body.
    package mutating func append(_ bytes: some Collection<UInt8>) throws(CouchError) -> [Event] {
        guard !isAtEnd else { return [] }
        buffer.append(contentsOf: bytes)
        var events: [Event] = []
        while try step(&events) {}
        if isAtEnd {
            buffer = []
            position = 0
        } else if position > 0 {
            buffer.removeFirst(position)
            position = 0
        }
        return events
    }

    /// Must be called when the body has ended.
    ///
    /// - Throws: `bad_request` when it broke off.
    package func finish() throws(CouchError) {
        guard isAtEnd else { throw .badRequest("The multipart body ends before its closing delimiter.") }
    }

    /// Goes on by one event; false when that takes more bytes.
    private mutating func step(_ events: inout [Event]) throws(CouchError) -> Bool {
        switch state {
        case .preamble:
            guard try takeContent(nil) else { return false }
            if isAtEnd { events.append(.end) }
            return true
        case .content:
            var content: [UInt8] = []
            let isComplete = try takeContent { content.append(contentsOf: $0) }
            if !content.isEmpty { events.append(.content(content)) }
            guard isComplete else { return false }
            events.append(.partEnd)
            if isAtEnd { events.append(.end) }
            return true
        case .headers:
            guard let headers = try takeHeaders() else { return false }
            events.append(.part(headers))
            state = .content
            return true
        case .epilogue: return false
        }
    }

    /// Hands over what surely stands before the next delimiter, and goes behind that when it is there.
    private mutating func takeContent(_ take: ((ArraySlice<UInt8>) -> Void)?) throws(CouchError) -> Bool {
        var start = position
        while let candidate = Self.firstReturn(in: buffer, from: start) {
            switch match(at: candidate) {
            case .no: start = candidate + 1
            case .perhaps:
                take?(buffer[position..<candidate])
                position = candidate
                guard buffer.count - candidate <= delimiter.count + headerLimit else {
                    throw .badRequest("The line of a multipart delimiter is too long.")
                }
                return false
            case .delimiter(let end):
                take?(buffer[position..<candidate])
                position = end
                state = .headers
                return true
            case .closing:
                take?(buffer[position..<candidate])
                state = .epilogue
                return true
            }
        }
        take?(buffer[position...])
        position = buffer.count
        return false
    }

    private enum Match {
        case no
        /// More bytes must tell.
        case perhaps
        /// A delimiter whose line ends there; the line break itself is not taken.
        case delimiter(end: Int)
        case closing
    }

    /// What stands there: a delimiter is followed by `--` or by the end of its line, otherwise it is content.
    private func match(at place: Int) -> Match {
        let available = min(delimiter.count, buffer.count - place)
        guard buffer[place..<place + available].elementsEqual(delimiter[..<available]) else { return .no }
        var next = place + delimiter.count
        guard next < buffer.count else { return .perhaps }
        if buffer[next] == UInt8(ascii: "-") {
            guard next + 1 < buffer.count else { return .perhaps }
            return buffer[next + 1] == UInt8(ascii: "-") ? .closing : .no
        }
        while next < buffer.count, buffer[next] == 0x20 || buffer[next] == 0x09 { next += 1 }
        guard next + 1 < buffer.count else { return next == buffer.count || buffer[next] == 0x0D ? .perhaps : .no }
        return buffer[next] == 0x0D && buffer[next + 1] == 0x0A ? .delimiter(end: next) : .no
    }

    /// The headers, when the empty line behind them is there; the buffer stands at the line break before the first.
    private mutating func takeHeaders() throws(CouchError) -> MultipartHeaders? {
        var start = position
        while let place = Self.firstReturn(in: buffer, from: start) {
            guard place - position <= headerLimit else { break }
            guard place + 3 < buffer.count else { break }
            if buffer[place + 1..<place + 4].elementsEqual([0x0A, 0x0D, 0x0A]) {
                let headers = try MultipartHeaders(parsing: buffer[position..<place])
                position = place + 4
                return headers
            }
            start = place + 1
        }
        guard buffer.count - position <= headerLimit + 4 else {
            throw .badRequest("The headers of a part are longer than \(headerLimit) bytes.")
        }
        return nil
    }

    /// The first carriage return from there on. (By the C library, since it looks at every byte of every attachment.)
    private static func firstReturn(in bytes: [UInt8], from start: Int) -> Int? {
        guard start < bytes.count else { return nil }
        return bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress, let found = memchr(base + start, 0x0D, buffer.count - start) else {
                return nil
            }
            return UnsafeRawPointer(found) - base
        }
    }
}
