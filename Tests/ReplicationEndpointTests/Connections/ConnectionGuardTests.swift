import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@testable import ReplicationEndpoint

/// How long a connection bears with its client, by a clock of the test's.
@Suite struct ConnectionGuardTests {
    /// A connection with a guard that has ten seconds of patience and wants 1,000 bytes in a second.
    private struct Connection {
        let loop = EmbeddedEventLoop()
        let channel: EmbeddedChannel

        init() throws {
            let limits = ConnectionLimits(patience: .seconds(10), rate: 1_000, discarded: 100, linger: .seconds(5))
            channel = EmbeddedChannel(handler: ConnectionGuard(limits), loop: loop)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        var isOpen: Bool { channel.isActive }

        func head(_ headers: HTTPFields = [:]) throws {
            let request = HTTPRequest(method: .put, scheme: "http", authority: "a", path: "/", headerFields: headers)
            try channel.writeInbound(HTTPRequestPart.head(request))
            channel.read()
        }

        func body(_ count: Int) throws {
            try channel.writeInbound(HTTPRequestPart.body(ByteBuffer(repeating: 0, count: count)))
            channel.read()
        }

        func answer() throws {
            try channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .forbidden)))
            try channel.writeOutbound(HTTPResponsePart.end(nil))
        }

        /// The next part of an answer that the client gets.
        func sent() throws -> HTTPResponsePart? { try channel.readOutbound() }

        func pass(seconds: Int64) { loop.advanceTime(by: .seconds(seconds)) }
    }

    @Test func `who owes the rest of a body and sends nothing is cut off`() throws {
        let connection = try Connection()
        try connection.head([.contentLength: "1000"])
        connection.pass(seconds: 9)
        #expect(connection.isOpen)
        connection.pass(seconds: 1)
        #expect(!connection.isOpen)
    }

    @Test func `who is slow and steady is not, and who sends a byte now and then is`() throws {
        let steady = try Connection()
        try steady.head([.contentLength: "1000000"])
        for _ in 0..<100 {
            steady.pass(seconds: 5)
            try steady.body(5_000)
        }
        #expect(steady.isOpen)
        let dripping = try Connection()
        try dripping.head([.contentLength: "1000000"])
        for _ in 0..<4 where dripping.isOpen {
            dripping.pass(seconds: 5)
            if dripping.isOpen { try dripping.body(1) }
        }
        #expect(!dripping.isOpen)
    }

    @Test func `time that the server takes is nobody's fault`() throws {
        let connection = try Connection()
        try connection.head([.contentLength: "1000"])
        try connection.channel.writeInbound(HTTPRequestPart.body(ByteBuffer(repeating: 0, count: 10)))
        // Nobody reads on.
        connection.pass(seconds: 3_600)
        #expect(connection.isOpen)
        try connection.channel.writeInbound(HTTPRequestPart.end(nil))
        connection.channel.read()
        connection.pass(seconds: 3_600)
        #expect(connection.isOpen)
    }

    @Test func `who takes nothing of an answer is cut off`() throws {
        let connection = try Connection()
        try connection.head()
        try connection.channel.writeInbound(HTTPRequestPart.end(nil))
        connection.channel.isWritable = false
        connection.channel.pipeline.fireChannelWritabilityChanged()
        connection.pass(seconds: 9)
        #expect(connection.isOpen)
        connection.channel.isWritable = true
        connection.channel.pipeline.fireChannelWritabilityChanged()
        connection.pass(seconds: 3_600)
        #expect(connection.isOpen)
        connection.channel.isWritable = false
        connection.channel.pipeline.fireChannelWritabilityChanged()
        connection.pass(seconds: 10)
        #expect(!connection.isOpen)
    }

    @Test func `who waits to send a body is told to when it is read, once, and is not hurried before`() throws {
        let connection = try Connection()
        try connection.head([.contentLength: "1000", .expect: "100-Continue"])
        connection.pass(seconds: 3_600)
        #expect(connection.isOpen)
        #expect(try connection.sent() == nil)
        connection.channel.triggerUserOutboundEvent(BodyIsWanted(), promise: nil)
        connection.channel.triggerUserOutboundEvent(BodyIsWanted(), promise: nil)
        #expect(try connection.sent() == .head(HTTPResponse(status: .continue)))
        #expect(try connection.sent() == nil)
        connection.pass(seconds: 10)
        #expect(!connection.isOpen)
    }

    @Test func `who has begun to send a body is not told to`() throws {
        let connection = try Connection()
        try connection.head([.contentLength: "1000", .expect: "100-continue"])
        try connection.body(10)
        connection.channel.triggerUserOutboundEvent(BodyIsWanted(), promise: nil)
        #expect(try connection.sent() == nil)
    }

    @Test(arguments: [["content-length": "101"], ["content-length": "1", "expect": "100-continue"]])
    func `an answer before a body that nobody wants is the last`(headers: [String: String]) throws {
        let connection = try Connection()
        var fields = HTTPFields()
        for (name, value) in headers { fields[try #require(HTTPField.Name(name))] = value }
        try connection.head(fields)
        try connection.answer()
        var refusal = HTTPResponse(status: .forbidden)
        refusal.headerFields[.connection] = "close"
        #expect(try connection.sent() == .head(refusal))
        #expect(try connection.sent() == .end(nil))
        // The client may read it in peace, and what it sends meanwhile reaches nobody.
        _ = try connection.channel.readInbound(as: HTTPRequestPart.self)
        connection.pass(seconds: 4)
        if connection.isOpen { try connection.body(1_000) }
        #expect(try connection.channel.readInbound(as: HTTPRequestPart.self) == nil)
        connection.pass(seconds: 1)
        #expect(!connection.isOpen)
    }

    @Test func `a connection goes on behind a body that is soon over, or that was read`() throws {
        for length in ["100", "1000000"] {
            let connection = try Connection()
            try connection.head([.contentLength: length])
            if length != "100" { try connection.channel.writeInbound(HTTPRequestPart.end(nil)) }
            try connection.answer()
            #expect(try connection.sent() == .head(HTTPResponse(status: .forbidden)))
            connection.pass(seconds: 5)
            #expect(connection.isOpen)
        }
    }
}
