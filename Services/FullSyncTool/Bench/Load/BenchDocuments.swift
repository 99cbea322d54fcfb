import NIOCore

/// Documents of a kilobyte each, the same ones every time.
struct BenchDocuments: Sendable {
    let count: Int
    /// Who owns the document of that number; nil for everybody's.
    var owner: @Sendable (Int) -> String? = { _ in nil }
    /// The groups of the document of that number.
    var groups: @Sendable (Int) -> [String] = { _ in [] }

    /// How many go into one request.
    static let batch = 500

    static func id(_ number: Int) -> String {
        let digits = String(number)
        return "bench-" + String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// The body of the document; `owner` is there for selectors, the tags for a server that knows them.
    func write(_ number: Int, to buffer: inout ByteBuffer, withID: Bool = true) {
        buffer.writeString(withID ? #"{"_id":"\#(Self.id(number))","n":\#(number)"# : #"{"n":\#(number)"#)
        if let owner = owner(number) { buffer.writeString(#","owner":"\#(owner)","~owner":"\#(owner)""#) }
        let groups = groups(number)
        if !groups.isEmpty { buffer.writeString(#","~groups":["\#(groups.joined(separator: #"",""#))"]"#) }
        buffer.writeString(#","type":"bench","text":""#)
        Self.writeText(number, to: &buffer)
        buffer.writeString(#""}"#)
    }

    /// Some 900 letters that follow from the number.
    private static func writeText(_ number: Int, to buffer: inout ByteBuffer) {
        var state = UInt64(number) &+ 1
        for _ in 0..<113 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var word = state >> 24
            for _ in 0..<7 {
                buffer.writeInteger(UInt8(ascii: "a") + UInt8(word % 26))
                word /= 26
            }
            buffer.writeInteger(UInt8(ascii: " "))
        }
    }

    /// The requests that write them all, each made when it is asked for.
    func batches() -> [@Sendable () -> ByteBuffer] {
        stride(from: 0, to: count, by: Self.batch).map { start in
            let numbers = start..<min(start + Self.batch, count)
            return { body(of: numbers) }
        }
    }

    private func body(of numbers: Range<Int>) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(numbers.count * 1_100)
        buffer.writeString(#"{"docs":["#)
        for number in numbers {
            if number > numbers.lowerBound { buffer.writeString(",") }
            write(number, to: &buffer)
        }
        buffer.writeString("]}")
        return buffer
    }
}
