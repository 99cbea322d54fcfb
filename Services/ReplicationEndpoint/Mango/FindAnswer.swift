import CouchProtocol
import Hummingbird
import JSON
import Mango
import NIOCore
import ViewIndexes

/// Writes what a query finds: at once when it is little, and otherwise while it is found.
struct FindAnswer: Sendable {
    let request: FindRequest
    let plan: FindPlan
    private(set) var run: FindRun
    let began: ContinuousClock.Instant

    /// How much is gathered before an answer begins; until then an error has a status of its own.
    private static let gathered = 64 << 10
    /// How long it is gathered.
    private static let patience = Duration.seconds(2)
    /// How long a client hears nothing before it gets white space, which also tells whether it is still there.
    private static let silence = Duration.seconds(5)
    private static let separator = ",\r\n"

    init(request: FindRequest, plan: FindPlan, run: FindRun, began: ContinuousClock.Instant) {
        self.request = request
        self.plan = plan
        self.run = run
        self.began = began
    }

    func response() async throws -> Response {
        var answer = self
        var output = Array("{\"docs\":[\r\n".utf8)
        var hasMore = true
        while hasMore, output.count < Self.gathered, ContinuousClock.now - began < Self.patience {
            hasMore = try await answer.run.next(into: &output, separator: Self.separator)
        }
        guard hasMore else {
            answer.writeEnd(to: &output)
            return .json(bytes: output)
        }
        let (rest, beginning) = (answer, output)
        return .streamed { writer in
            try await writer.write(ByteBuffer(bytes: beginning))
            var answer = rest
            try await answer.write(to: &writer)
        }
    }

    @concurrent private mutating func write(to writer: inout some ResponseBodyWriter) async throws {
        var (output, hasMore) = ([UInt8](), true)
        var spoken = ContinuousClock.now
        while hasMore {
            hasMore = try await run.next(into: &output, separator: Self.separator)
            if output.isEmpty, ContinuousClock.now - spoken > Self.silence { output.append(UInt8(ascii: "\n")) }
            guard !output.isEmpty else { continue }
            try await writer.write(ByteBuffer(bytes: output))
            output.removeAll(keepingCapacity: true)
            spoken = .now
        }
        writeEnd(to: &output)
        output.append(UInt8(ascii: "\n"))
        try await writer.write(ByteBuffer(bytes: output))
    }

    /// The members behind the documents.
    private func writeEnd(to output: inout [UInt8]) {
        output += "\r\n],\r\n\"bookmark\": ".utf8
        // Where nothing more was found, the next look begins at the same place.
        let bookmark = run.place?.text ?? request.bookmark ?? Bookmark.none
        JSONValue.write(string: bookmark, to: &output)
        let (examined, found) = (run.statistics.documentsExamined, run.statistics.found)
        if request.executionStats {
            output += ",\r\n\"execution_stats\": ".utf8
            run.executionStatistics(since: began).write(to: &output)
        }
        if let warning = plan.warning(examined: examined, found: found) {
            output += ",\r\n\"warning\": ".utf8
            JSONValue.write(string: warning, to: &output)
        }
        output += "}".utf8
    }
}
