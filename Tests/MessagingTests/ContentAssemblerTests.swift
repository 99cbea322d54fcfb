import TestSupport
import Testing

@testable import Messaging

@Suite struct ContentAssemblerTests {
    @Test func `a message is put together from fragments of any size`() throws {
        var generator = SeededGenerator.announced()
        var assembler = ContentAssembler(maximumSize: 1_000)
        for tag in 1...500 {
            let body = (0..<Int.random(in: 0...1_100, using: &generator)).map { UInt8(truncatingIfNeeded: $0) }
            try assembler.begin(.delivery(tag: UInt64(tag), isRedelivered: true), exchange: "e", routingKey: "k")
            var content = try assembler.header(size: UInt64(body.count), MessageProperties(messageID: "m"))
            var rest = body[...]
            while !rest.isEmpty {
                #expect(content == nil)
                let fragment = rest.prefix(Int.random(in: 1...400, using: &generator))
                rest = rest.dropFirst(fragment.count)
                content = try assembler.body(Array(fragment))
            }
            switch content {
            case .delivery(UInt64(tag), let message):
                #expect(body.count <= 1_000 && message.body == body && message.isRedelivered)
                #expect(message.messageID == "m")
            case .oversized(UInt64(tag), let size): #expect(size > 1_000 && size == body.count)
            default: Issue.record("no message: \(String(describing: content))")
            }
        }
    }

    @Test func `frames out of order and bodies longer than announced are errors`() throws {
        var assembler = ContentAssembler(maximumSize: 10)
        #expect(throws: MessagingError.self) { try assembler.body([1]) }
        #expect(throws: MessagingError.self) { try assembler.header(size: 1, MessageProperties()) }
        try assembler.begin(.returned, exchange: "", routingKey: "")
        #expect(throws: MessagingError.self) { try assembler.begin(.returned, exchange: "", routingKey: "") }
        #expect(throws: MessagingError.self) { try assembler.body([1]) }
        _ = try assembler.header(size: 2, MessageProperties())
        #expect(throws: MessagingError.self) { try assembler.body([1, 2, 3]) }
        assembler = ContentAssembler(maximumSize: 10)
        try assembler.begin(.delivery(tag: 1, isRedelivered: false), exchange: "", routingKey: "")
        _ = try assembler.header(size: 2, MessageProperties())
        #expect(throws: MessagingError.self) { try assembler.body([1, 2, 3]) }
    }

    @Test func `a size that no memory holds is skipped, not reserved`() throws {
        var assembler = ContentAssembler(maximumSize: 10)
        try assembler.begin(.delivery(tag: 1, isRedelivered: false), exchange: "", routingKey: "")
        let content = try assembler.header(size: .max, MessageProperties())
        #expect(content == nil)
        let more = try assembler.body([1, 2, 3])
        #expect(more == nil)
    }
}
