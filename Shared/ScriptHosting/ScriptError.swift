/// Why a script gave no result.
package struct ScriptError: Error, Sendable, Hashable {
    /// The closed set of reasons; the raw value labels metrics.
    package enum Kind: String, Sendable, CaseIterable {
        /// The text is no JavaScript, or is no function where one is expected.
        case compilation
        /// The script threw, or its result is nothing that JSON can say.
        case exception
        /// One call of the script computed too long.
        case timeLimit = "time_limit"
        /// The host did not answer in time: it stood still, or the scripts of the request took too long together.
        case deadline
        /// The script's host had more memory than it may.
        case memoryLimit = "memory_limit"
        /// The request is larger than it may be.
        case inputLimit = "input_limit"
        /// The result is larger than it may be.
        case outputLimit = "output_limit"
        /// A reduce function's result is not much smaller than what it was given.
        case reduceOverflow = "reduce_overflow_error"
        /// The script's host crashed, or died twice for reasons of its own.
        case hostDied = "host_died"
        /// No host was free in time, too many requests wait, or the pool has ended.
        case unavailable
        /// Whoever asked does not wait any more.
        case cancelled
        /// What a host said was not understood.
        case protocolViolation = "protocol_violation"
    }

    package let kind: Kind
    /// What went wrong, in the engine's or the script's words.
    package let message: String
    /// The function or the place at fault; empty when that is not known.
    package let function: String
    /// The line in it; nil when that is not known.
    package let line: Int?
    /// The column in that line, from 1; nil when that is not known.
    package let column: Int?

    package init(_ kind: Kind, _ message: String, function: String = "", line: Int? = nil, column: Int? = nil) {
        self.kind = kind
        self.message = message
        self.function = function
        self.line = line
        self.column = column
    }
}

extension ScriptError: CustomStringConvertible {
    package var description: String {
        var place = function
        if let line { place += place.isEmpty ? "line \(line)" : ":\(line)" }
        if let column, line != nil { place += ":\(column)" }
        return place.isEmpty ? message : "\(place): \(message)"
    }
}

extension ScriptError {
    /// Whether the script took more than it may, or cost its host its life, which other input may not make it do.
    package var breaksLimit: Bool {
        switch kind {
        case .timeLimit, .deadline, .memoryLimit, .inputLimit, .outputLimit, .hostDied: true
        case .compilation, .exception, .reduceOverflow, .unavailable, .cancelled, .protocolViolation: false
        }
    }

    /// Whether it may have been the host's fault, or the machine's, and not that of what the script was given: a host
    /// that stood still or was killed, or that still held what earlier scripts took.
    var mayBeOfHost: Bool {
        switch kind {
        case .deadline, .memoryLimit, .hostDied: true
        default: false
        }
    }
}
