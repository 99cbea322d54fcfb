import Testing

@testable import Telemetry

@Suite struct TraceContextTests {
    private let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test func `a header that is read is written the same`() throws {
        let context = try #require(TraceContext(traceparent: header))
        #expect(context.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(context.isSampled)
        #expect(context.traceparent == header)
    }

    @Test func `a later version may have more fields`() throws {
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-what-comes"
        let context = try #require(TraceContext(traceparent: later))
        #expect(!context.isSampled)
        #expect(TraceContext(traceparent: "00" + later.dropFirst(2)) == nil)
        #expect(TraceContext(traceparent: String(later.replacing("-what", with: "+what"))) == nil)
    }

    @Test(arguments: [
        "", "00", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01x",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ])
    func `what is no trace context is refused`(text: String) {
        #expect(TraceContext(traceparent: text) == nil)
    }

    @Test func `a child is of the same trace with a span of its own`() {
        let root = TraceContext.makeRoot()
        let child = root.makeChild()
        #expect(child.traceID == root.traceID)
        #expect(child.traceparent != root.traceparent)
        #expect(TraceContext(traceparent: child.traceparent) == child)
    }
}
