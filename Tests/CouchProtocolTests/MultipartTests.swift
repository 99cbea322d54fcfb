import TestSupport
import Testing

@testable import CouchProtocol

/// Multipart bodies, read and written.
@Suite struct MultipartTests {
    /// A part as a test looks at it.
    private struct Part: Equatable {
        var headers: MultipartHeaders
        var content: [UInt8] = []
    }

    /// Reads a body that arrives in pieces of the lengths that `cut` gives.
    private func read(
        _ body: [UInt8],
        boundary: String = "abc123",
        headerLimit: Int = 1_024,
        cut: () -> Int = { 7 }
    ) throws -> [Part] {
        var reader = try MultipartReader(
            MediaType("multipart/related; boundary=\"\(boundary)\""),
            headerLimit: headerLimit
        )
        var parts: [Part] = []
        var complete = 0
        var ends = 0
        var position = 0
        while position < body.count {
            let end = min(body.count, position + max(1, cut()))
            for event in try reader.append(body[position..<end]) {
                switch event {
                case .part(let headers): parts.append(Part(headers: headers))
                case .content(let bytes): parts[parts.count - 1].content += bytes
                case .partEnd: complete += 1
                case .end: ends += 1
                }
            }
            position = end
        }
        try reader.finish()
        #expect(complete == parts.count)
        #expect(ends == 1)
        return parts
    }

    private func texts(_ parts: [Part]) -> [String] { parts.map { String(decoding: $0.content, as: UTF8.self) } }

    @Test func `a body as CouchDB's replicator sends it is taken apart`() throws {
        let body =
            "--abc123\r\ncontent-type: application/json\r\n\r\n{\"a\":1}\r\n--abc123\r\n\r\nthis is 21 chars long"
            + "\r\n--abc123\r\nContent-Disposition: attachment; filename=\"b \\\"q\\\".txt\"\r\nContent-Type: x/y\r\n\r\n"
            + "\r\n--abc123--epilogue\r\n--abc123\r\n\r\nnothing"
        let parts = try read(Array(body.utf8))
        #expect(texts(parts) == ["{\"a\":1}", "this is 21 chars long", ""])
        #expect(parts[0].headers.contentType?.name == "application/json")
        #expect(parts[1].headers == MultipartHeaders())
        #expect(parts[2].headers.fileName == "b \"q\".txt")
    }

    @Test func `what only looks like a delimiter is content`() throws {
        for content in [
            "\r\n--abc12", "\r\n--abc1234", "\r\n--abc123x\r\n", "\r\n-", "\r", "\n--abc123", "--abc123\r\n",
        ] {
            let body = "preamble\r\n--abc123 \t\r\n\r\n\(content)\r\n--abc123--\r\n"
            for size in 1...12 { #expect(texts(try read(Array(body.utf8)) { size }) == [content], "\(content)") }
        }
    }

    @Test func `random bodies are read the same however they are cut`() throws {
        var generator = SeededGenerator(seed: 7)
        // Little but what delimiters are made of, so that nearly every content has the beginning of one.
        let alphabet: [[UInt8]] = [[0x0D], [0x0A], Array("--".utf8), Array("b".utf8), Array("\r\n--b".utf8), [0, 255]]
        for round in 0..<400 {
            var contents: [[UInt8]] = []
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                var content: [UInt8] = []
                for _ in 0..<Int.random(in: 0...30, using: &generator) {
                    content += alphabet.randomElement(using: &generator) ?? []
                }
                contents.append(content)
            }
            let boundary = "bnd\(round)"
            let writer = MultipartWriter(boundary: boundary)
            var body: [UInt8] = []
            for content in contents {
                body += writer.head([("Content-Type", "x/y"), ("X-Doc-Id", "d\(content.count)")]) + content
            }
            body += writer.end
            let parts = try read(body, boundary: boundary) { Int.random(in: 1...40, using: &generator) }
            #expect(parts.map(\.content) == contents)
            #expect(parts.map { $0.headers["x-doc-id"] } == contents.map { "d\($0.count)" })
        }
    }

    @Test func `memory is bounded by the headers and the delimiter`() throws {
        let endless = "--abc123\r\nA: " + String(repeating: "x", count: 2_000)
        #expect(throws: CouchError.self) { try read(Array(endless.utf8)) }
        let lines = "--abc123\r\n" + String(repeating: "A: b\r\n", count: 400)
        #expect(throws: CouchError.self) { try read(Array(lines.utf8)) }
        let spaces = "--abc123" + String(repeating: " ", count: 2_000)
        #expect(throws: CouchError.self) { try read(Array(spaces.utf8)) }
    }

    @Test func `a body that breaks off, or headers that are none, are refused`() throws {
        for body in ["", "--abc123", "--abc123\r\n\r\nx", "--abc123\r\n\r\nx\r\n--abc123-", "no delimiter"] {
            #expect(throws: CouchError.self, "\(body)") { try read(Array(body.utf8)) }
        }
        #expect(throws: CouchError.badRequest("bad part header")) {
            try read(Array("--abc123\r\nnonsense\r\n\r\nx\r\n--abc123--".utf8))
        }
        for type in ["multipart/related", "multipart/related; boundary=", "text/plain; boundary=a"] {
            #expect(throws: CouchError.self, "\(type)") { try MultipartReader(MediaType(type)) }
        }
    }

    @Test(arguments: [
        ("multipart/related;boundary=abc", "abc"), ("multipart/related; boundary=\"a b;c\" ; x=y", "a b;c"),
        ("Multipart/Related; charset=x; BOUNDARY = abc ", "abc"), ("multipart/mixed; boundary=\"a\\\"b\"", "a\"b"),
    ])
    func `boundaries are found, quoted or not`(_ type: String, _ boundary: String) {
        let type = MediaType(type)
        #expect(type.isMultipart)
        #expect(type.parameters["boundary"] == boundary)
    }

    @Test func `names and types of users cannot add headers`() {
        let attachment = OutgoingAttachment(
            name: "a\"\r\nX: y",
            contentType: "text/plain\r\nX: y",
            revisionPosition: 1,
            digest: "",
            length: 3
        )
        let head = String(decoding: MultipartWriter(boundary: "b").head(of: attachment), as: UTF8.self)
        #expect(head.split(separator: "\r\n").count == 4)
        #expect(head.contains(#"filename="a%22%0D%0AX: y""#))
    }

    @Test func `the length is known before the contents are`() {
        let writer = MultipartWriter(boundary: "b")
        let attachments = [3, 5].map {
            OutgoingAttachment(name: "n\($0)", contentType: "x/y", revisionPosition: 1, digest: "", length: $0)
        }
        var body = writer.documentHead + Array("{}".utf8)
        for attachment in attachments {
            body += writer.head(of: attachment) + [UInt8](repeating: 1, count: attachment.length)
        }
        body += writer.end
        #expect(writer.length(document: 2, attachments: attachments) == body.count)
    }
}

/// What clients say they take.
@Suite struct AcceptTests {
    @Test(arguments: [
        (nil, "multipart/related", true), ("*/*", "multipart/mixed", true),
        ("application/json", "multipart/mixed", false),
        ("multipart/*", "multipart/mixed", true), ("multipart/mixed;q=0, */*", "multipart/mixed", false),
        ("text/html, multipart/related; q=0.5", "multipart/related", true), ("a/b;q=nonsense", "a/b", false),
    ])
    func `types are taken as CouchDB's server takes them`(_ header: String?, _ type: String, _ expected: Bool) {
        #expect(AcceptHeader(header).accepts(type) == expected)
    }

    @Test(arguments: [
        (nil, false), ("gzip", true), ("deflate, gzip;q=0.5", true), ("gzip;q=0", false), ("*", true),
        ("identity", false), ("gzip;q=0, *", false),
    ])
    func `encodings are taken only when they are named`(_ header: String?, _ expected: Bool) {
        #expect(AcceptEncoding.accepts("gzip", header) == expected)
    }
}

/// Ranges as CouchDB's own tests have them (`attachment_ranges_test.exs`), of 29 bytes.
@Suite struct ByteRangeTests {
    @Test(arguments: [
        ("bytes=0-28", [0..<29]), ("bytes=0-", nil), ("bytes=0-,0-,0-", nil), ("bytes:0-", nil), (nil, nil),
        ("bytes=2-", [2..<29]), ("bytes=0-3", [0..<4]), ("bytes=10-15", [10..<16]), ("bytes=-3", [26..<29]),
        ("bytes=-300", [0..<29]), ("bytes=20-300", [20..<29]), ("bytes=0-1, 5-6", [0..<2, 5..<7]), ("bytes=x-1", nil),
        ("bytes=0-1,0-1,0-1,0-1,0-1,0-1,0-1,0-1,0-1,0-1", nil), ("bytes=", nil), ("bytes=-", nil),
    ])
    func `a range is what it says`(_ header: String?, _ expected: [Range<Int>]?) throws {
        #expect(try ByteRange.ranges(header, length: 29) == expected)
    }

    @Test(arguments: ["bytes=5-3", "bytes=300-310", "bytes=29-", "bytes=-0"])
    func `a range outside of the content cannot be had`(_ header: String) {
        #expect(throws: CouchError.rangeNotSatisfiable) { try ByteRange.ranges(header, length: 29) }
    }
}

/// Documents whose attachments are written while they are read.
@Suite struct DocumentPieceTests {
    @Test func `pieces and contents are the document`() throws {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<50 {
            var document = OutgoingDocument(
                id: DocumentID(stored: "d"),
                revision: RevisionID(generation: 1, hash: hash)
            )
            var contents: [[UInt8]] = []
            for number in 0..<Int.random(in: 0...4, using: &generator) {
                let bytes = (0..<Int.random(in: 0...20, using: &generator)).map { _ in UInt8.random(in: 0...255) }
                var attachment = OutgoingAttachment(
                    name: "a\(number)",
                    contentType: "x/y",
                    revisionPosition: 1,
                    digest: "",
                    length: bytes.count
                )
                attachment.content = number == 2 ? .stub : .inline(bytes)
                contents.append(bytes)
                document.attachments.append(attachment)
            }
            var streamed = document
            for index in streamed.attachments.indices where index != 2 {
                streamed.attachments[index].content = .streamed
            }
            var output: [UInt8] = []
            for piece in streamed.pieces() {
                switch piece {
                case .text(let text): output += text
                case .content(let place):
                    var encoder = Base64Encoder()
                    var rest = contents[place][...]
                    while !rest.isEmpty {
                        let count = Int.random(in: 1...5, using: &generator)
                        encoder.append(rest.prefix(count), to: &output)
                        rest = rest.dropFirst(count)
                    }
                    encoder.finish(to: &output)
                }
            }
            #expect(output == document.bytes)
        }
    }

    private var hash: RevisionHash { RevisionHash(digest: [UInt8](repeating: 7, count: 16)) }
}
