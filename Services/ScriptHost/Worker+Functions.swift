import JSON
import ScriptEngine
import ScriptHosting

// The calls of a design document's functions.
extension Worker {
    /// Makes one call for each document and function, and the text of what came of them.
    private func forEachCall(
        _ functions: Functions,
        _ documents: [ArraySlice<UInt8>],
        _ call: (Int, ScriptValue, inout [UInt8]) throws(ScriptException) -> Void
    ) throws(ScriptError) -> ArraySlice<UInt8> {
        var output: [UInt8] = []
        for json in documents {
            let json = ScriptString(utf8: json)
            for (index, name) in functions.names.enumerated() {
                do throws(ScriptException) {
                    // Parsed anew for each function, so that none sees what another did to it.
                    let document = try functions.environment.document(json)
                    try watch.call(index) { () throws(ScriptException) in try call(index, document, &output) }
                } catch {
                    let error = ScriptError(error, in: name, otherwise: .exception)
                    // What threw concerns one document; what broke a limit would break it again with the next.
                    guard error.kind == .exception else { throw error }
                    OutcomeText.append(error, to: &output)
                }
                if output.count > limits.outputSize {
                    throw ScriptError(.outputLimit, "more than \(limits.outputSize) bytes were emitted", function: name)
                }
            }
        }
        return output[...]
    }

    func map(_ functions: Functions, _ documents: [ArraySlice<UInt8>]) throws(ScriptError) -> HostReply {
        let environment = functions.environment
        let limit = limits.outputSize
        let text = try forEachCall(functions, documents) { index, document, output throws(ScriptException) in
            let rows = try environment.map(index, document)
            if rows.count > limit { throw .outputLimit }
            rows.append(to: &output)
        }
        return .mapped(text, log: log(of: functions))
    }

    func reduce(_ functions: Functions, _ groups: [ReduceInput]) throws(ScriptError) -> HostReply {
        let name = functions.names.first ?? ""
        var output: [UInt8] = []
        var failures: [String] = []
        for group in groups {
            do throws(ScriptException) {
                let reduction = try watch.call(0) { () throws(ScriptException) in
                    try functions.environment.reduce(0, keys: group.keys, values: group.values)
                }
                try Self.check(reduction.count, from: group.size)
                reduction.append(to: &output)
            } catch {
                let error = ScriptError(error, in: name, otherwise: .exception)
                guard error.kind == .exception else { throw error }
                // CouchDB's query server goes on with null, which the next reduction may be able to ignore.
                output.append(contentsOf: "null".utf8)
                if failures.count < Self.toldFailures { failures.append("function raised exception \(error)") }
            }
            output.append(UInt8(ascii: "\n"))
            if output.count > limits.outputSize {
                throw ScriptError(.outputLimit, "more than \(limits.outputSize) bytes of reductions", function: name)
            }
        }
        return .reduced(output[...], log: failures + log(of: functions))
    }

    /// How many of a batch's failures the log tells.
    private static let toldFailures = 5

    /// Refuses a reduction that does not shrink: those of CouchDB's `reduce_limit_threshold` and `reduce_limit_ratio`.
    private static func check(_ reduction: Int, from size: Int) throws(ScriptException) {
        guard reduction > 5_000, reduction > size / 2 else { return }
        throw .reduceOverflow(reduction, from: size)
    }

    func filter(
        _ functions: Functions,
        _ documents: [ArraySlice<UInt8>],
        request: ArraySlice<UInt8>
    ) throws(ScriptError) -> HostReply {
        let environment = functions.environment
        guard let request = environment.value(request) else {
            throw ScriptError(.exception, "the request is no JSON", function: functions.names.first ?? "")
        }
        let text = try forEachCall(functions, documents) { index, document, output throws(ScriptException) in
            OutcomeText.append(try environment.filter(index, document, request: request), to: &output)
        }
        return .filtered(text, log: log(of: functions))
    }

    private func log(of functions: Functions) -> [String] {
        let text = watch.call(0) { functions.environment.takeLog() }
        guard !text.isEmpty, let lines = try? JSONValue(parsing: text) else { return [] }
        return lines.arrayValue?.compactMap(\.stringValue) ?? []
    }

    func validate(
        _ functions: Functions,
        _ writes: [ValidatedWrite],
        _ context: [ArraySlice<UInt8>]
    ) throws(ScriptError) -> HostReply {
        let name = functions.names.first ?? ""
        var output: [UInt8] = []
        for write in writes {
            do throws(ScriptException) {
                let thrown = try watch.call(0) { () throws(ScriptException) in
                    try functions.environment.validate(0, [write.document, write.previous] + context)
                }
                var text: [UInt8] = []
                thrown?.append(to: &text)
                OutcomeText.append(thrown: thrown == nil ? nil : text, to: &output)
            } catch {
                let error = ScriptError(error, in: name, otherwise: .exception)
                guard error.kind == .exception else { throw error }
                OutcomeText.append(error, to: &output)
            }
            if output.count > limits.outputSize {
                throw ScriptError(.outputLimit, "more than \(limits.outputSize) bytes were thrown", function: name)
            }
        }
        return .validated(output[...], log: log(of: functions))
    }

    func update(_ functions: Functions, _ arguments: [ArraySlice<UInt8>]) throws(ScriptError) -> HostReply {
        do throws(ScriptException) {
            let result = try watch.call(0) { () throws(ScriptException) in
                try functions.environment.update(0, arguments)
            }
            guard result.count <= limits.outputSize else { throw .outputLimit }
            var text: [UInt8] = []
            result.append(to: &text)
            return .updated(text[...], log: log(of: functions))
        } catch {
            throw ScriptError(error, in: functions.names.first ?? "", otherwise: .exception)
        }
    }
}
