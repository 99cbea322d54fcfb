import Foundation
import JSON
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Telemetry

@Suite struct LogTests {
    @Test func `a line has time, level, service, label, message and metadata`() {
        let lines = LogLines()
        var logger = lines.logger(.logfmt)
        logger[metadataKey: "document"] = "workorder:WO-00017"
        logger.warning("Two words", metadata: ["count": "3"])
        let line = lines.only
        #expect(line.hasPrefix("time=20"))
        let rest = "level=warning service=worker label=runs msg=\"Two words\" count=3 document=workorder:WO-00017\n"
        #expect(line.hasSuffix(rest))
    }

    @Test func `JSON lines are objects whose members come back as they were`() throws {
        let lines = LogLines()
        lines.logger(.json).error("a \"quote\" and\na line", metadata: ["key=": "\u{1B}[31m"])
        let object = try JSONValue(parsing: lines.only)
        #expect(object["msg"] == "a \"quote\" and\na line")
        #expect(object["key="] == "\u{1B}[31m")
        #expect(object["level"] == "error")
    }

    @Test(arguments: LogFormat.allCases)
    func `what is logged never begins a line of its own`(format: LogFormat) {
        let lines = LogLines()
        lines.logger(format).info("end\ntime=2026 level=info", metadata: ["a\nb": "c\r\nd"])
        #expect(lines.only.utf8.count { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") } == 1)
    }

    @Test(arguments: LogFormat.allCases)
    func `a line has a greatest length and says when something is missing`(format: LogFormat) throws {
        let lines = LogLines(maximumLineLength: 500)
        lines.logger(format).info(
            "short",
            metadata: ["a": .string(String(repeating: "\u{1}é", count: 1_000)), "b": "x"]
        )
        let line = lines.only
        #expect(line.utf8.count < 540)
        #expect(line.contains(format == .json ? #""cut":"true""# : "cut=true"))
        if format == .json { #expect(try JSONValue(parsing: line)["msg"] == "short") }
    }

    @Test func `a message below the level is not even made`() {
        let lines = LogLines()
        let made = Mutex(false)
        lines.logger(.logfmt).debug("\(made.withLock { $0 = true })")
        #expect(lines.all.isEmpty)
        #expect(made.withLock { $0 } == false)
    }

    @Test func `every line of a task has the task's trace`() throws {
        let lines = LogLines()
        let trace = TraceContext.makeRoot()
        TraceContext.$current.withValue(trace) { lines.logger(.logfmt).info("within") }
        #expect(lines.only.contains(" trace=\(trace.traceID)\n"))
    }

    @Test func `a moment is written as Foundation writes it`() throws {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        var generator = SeededGenerator.announced()
        for _ in 0..<2_000 {
            let milliseconds = Int64.random(in: -2_000_000_000_000...8_000_000_000_000, using: &generator)
            // A quarter of a second is exact in a double, so that both sides round nothing.
            let exact = milliseconds - milliseconds % 250
            let expected = Date(timeIntervalSince1970: Double(exact) / 1_000).formatted(style)
            #expect(Timestamp(milliseconds: exact).description == expected, "milliseconds \(exact)")
        }
    }
}

/// Collects the lines of a logger.
private final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    private let maximumLineLength: Int

    init(maximumLineLength: Int = 8_192) {
        self.maximumLineLength = maximumLineLength
    }

    var all: [String] { lines.withLock(\.self) }

    /// The one line that there is.
    var only: String {
        let all = all
        return all.count == 1 ? all[0] : "\(all.count) lines"
    }

    func logger(_ format: LogFormat) -> Logger {
        let output = LogOutput { line in self.lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
        var style = LogStyle(service: "worker", level: .info, format: format, output: output)
        style.maximumLineLength = maximumLineLength
        let ready = style
        return Logger(label: "runs") { label in StructuredLogHandler(label: label, style: ready) }
    }
}
