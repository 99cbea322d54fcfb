package import Contracts
import Foundation
package import JSON

/// A run of a sequence, whatever started it, as PostgreSQL keeps it.
///
///     waiting ──claim──▶ running ──▶ succeeded
///        ▲                  │ ├────▶ failed      (after its last attempt, or at once when nothing can mend it)
///        └────── retry ─────┘ └────▶ uncertain   (nobody knows whether its effect happened)
///
/// `cancelled` is reached from all but `succeeded`, by a person or when the client that waits has gone away. A claim
/// that is not renewed ends by itself, and the run can be claimed again.
package enum RunState: String, Sendable, CaseIterable {
    case waiting
    case running
    case succeeded
    case failed
    case uncertain
    case cancelled
}

/// A run that is to be made.
package struct NewRun: Sendable {
    package var id = RunID.next()
    package var project: String
    package var sequence: String
    package var cause: RunCause
    /// The name of the listener, job or notification; empty for a call.
    package var source = ""
    /// The project of the listener or job, which may be another than the sequence's.
    package var sourceProject: String
    /// The names of the listeners that led to the run, each once.
    package var lineage: [String] = []
    package var identity = CallerIdentity.nobody
    /// Nil where a variable is secret: it is not stored, and the run cannot be repeated.
    package var variables: JSONObject?
    /// The things whose order matters: of runs that share a key the older one ends before the younger one begins.
    package var orderingKeys: [String] = []
    /// Whether younger runs that share a key wait when this one has failed for good, until a person has decided.
    package var holds = false
    /// Why the run is failed from the beginning, for a person to retry or cancel; nil for one that is to be worked on.
    package var failure: Failure?
    /// What may happen once: a second run with the same key is not made.
    package var dedupeKey: String?
    package var traceID: String

    package init(
        project: String,
        sequence: String,
        cause: RunCause,
        variables: JSONObject?,
        traceID: String
    ) {
        self.project = project
        sourceProject = project
        self.sequence = sequence
        self.cause = cause
        self.variables = variables
        self.traceID = traceID
    }
}

/// A run that a worker has in hand.
package struct ClaimedRun: Sendable {
    package let id: String
    /// The fencing token that every later write of the worker about this run must show.
    package let claim: Int64
    package let project: String
    package let version: Int
    package let sequence: String
    package let cause: RunCause
    package let source: String
    package let user: String?
    package let isAdministrator: Bool
    package private(set) var variables: JSONObject
    /// 1 at the first attempt, and at the first after a person had it run again.
    package let attempt: Int
    package let traceID: String
    /// Whether younger runs that share a key wait when this one has failed for good.
    package var holds = false
    /// How many of the attempts before are not counted: something that the run needs was away.
    package var uncounted = 0
    /// How many workers were lost with the run in hand.
    package var losses = 0
    /// The names of the listeners that led to the run.
    package var lineage: [String] = []
    /// The key of the names of its loops' turns, the same at each attempt; nil when they are known by their numbers.
    package var turnKey: String?
    /// Whether what PostgreSQL keeps of it can be understood; one that cannot be is to be failed.
    package internal(set) var isReadable = true

    package init(
        id: String,
        claim: Int64,
        project: String,
        version: Int,
        sequence: String,
        cause: RunCause,
        source: String,
        user: String?,
        isAdministrator: Bool,
        variables: JSONObject,
        attempt: Int,
        traceID: String
    ) {
        self.id = id
        self.claim = claim
        self.project = project
        self.version = version
        self.sequence = sequence
        self.cause = cause
        self.source = source
        self.user = user
        self.isAdministrator = isAdministrator
        self.variables = variables
        self.attempt = attempt
        self.traceID = traceID
    }

    /// Whether somebody had the run in hand before, so that some of its effects may have happened already.
    package var isRepeated: Bool { claim > 1 }

    /// The run with the variables that came with its call and are not stored.
    package func with(variables: JSONObject) -> ClaimedRun {
        var run = self
        run.variables = variables
        return run
    }
}

extension RunID {
    /// A new trace, for a run that nothing led to (W3C Trace Context: 32 hexadecimal digits).
    package static func newTrace() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<2).map { _ in
            let text = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        .joined()
    }
}

/// Makes identifiers of runs: UUIDs of version 7 (RFC 9562), which sort by their time.
package enum RunID {
    package static func next() -> String {
        let milliseconds = UInt64(Date().timeIntervalSince1970 * 1_000)
        var generator = SystemRandomNumberGenerator()
        let high = milliseconds << 16 | 0x7000 | UInt64(generator.next(upperBound: UInt16(0x1000)))
        let low = 0x8000_0000_0000_0000 | (generator.next() as UInt64) >> 2
        let digits = [high, low].map { half in
            let text = String(half, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        .joined()
        var result = ""
        for (index, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(index) { result.append("-") }
            result.append(digit)
        }
        return result
    }
}
