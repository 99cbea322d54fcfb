import JSON
import ScriptEngine
import ScriptHosting

/// Carries out requests on one virtual machine, and keeps what it compiled for them.
final class Worker {
    let limits: HostLimits
    let watch: Watch
    let machine: ScriptMachine
    private var environments: RecentlyUsed<Int, Functions>
    private var scopes: RecentlyUsed<Int, ExpressionScope>

    /// Compiled functions and their names.
    struct Functions {
        let names: [String]
        let environment: FunctionEnvironment
    }

    init(limits: HostLimits, watch: Watch) {
        self.limits = limits
        self.watch = watch
        machine = ScriptMachine(callTime: .milliseconds(limits.callMilliseconds))
        environments = RecentlyUsed(capacity: limits.environments)
        scopes = RecentlyUsed(capacity: limits.sessions)
    }

    /// The reply to a request.
    func reply(to request: HostRequest) -> HostReply {
        do throws(ScriptError) {
            switch request {
            case .hello:
                throw ScriptError(.protocolViolation, "a second hello")
            case .check(let reference):
                guard try compile(reference) != nil else { return .missing([]) }
                return .done
            case .map(let reference, let documents):
                guard let functions = try functions(reference) else { return .missing([]) }
                return try map(functions, documents)
            case .reduce(let reference, let groups):
                guard let functions = try functions(reference) else { return .missing([]) }
                return try reduce(functions, groups)
            case .filter(let reference, let documents, let request):
                guard let functions = try functions(reference) else { return .missing([]) }
                return try filter(functions, documents, request: request)
            case .evaluate(let evaluation):
                return try evaluate(evaluation)
            }
        } catch {
            return .failed(error)
        }
    }

    /// Makes room after a request, when there is little left.
    func tidyUp() {
        guard let resident = ResidentMemory.current(), resident > limits.memory / 2 else { return }
        machine.collectGarbage()
        guard let left = ResidentMemory.current(), left > limits.memory / 2 else { return }
        environments.removeAll()
        scopes.removeAll()
        machine.collectGarbage()
    }

    // MARK: Functions

    /// The functions, compiled now or before; nil when they are neither here nor in the reference.
    private func functions(_ reference: FunctionsReference) throws(ScriptError) -> Functions? {
        if let known = environments.value(for: reference.number) {
            watch.begin(names: known.names)
            return known
        }
        guard let functions = try compile(reference) else { return nil }
        environments.keep(functions, for: reference.number)
        return functions
    }

    private func compile(_ reference: FunctionsReference) throws(ScriptError) -> Functions? {
        guard let definition = reference.definition else { return nil }
        let names = definition.sources.map(\.name)
        watch.begin(names: names)
        do throws(FunctionEnvironment.CompilationError) {
            let environment = try watch.call(0) { () throws(FunctionEnvironment.CompilationError) in
                try FunctionEnvironment(
                    functions: definition.sources.map { ($0.name, $0.text) },
                    library: definition.library,
                    on: machine
                )
            }
            return Functions(names: names, environment: environment)
        } catch {
            let name = error.function.map { names[$0] } ?? names.first ?? ""
            throw ScriptError(error.exception, in: name, otherwise: .compilation)
        }
    }

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

    private func map(_ functions: Functions, _ documents: [ArraySlice<UInt8>]) throws(ScriptError) -> HostReply {
        let environment = functions.environment
        let limit = limits.outputSize
        let text = try forEachCall(functions, documents) { index, document, output throws(ScriptException) in
            let rows = try environment.map(index, document)
            if rows.count > limit { throw .outputLimit }
            rows.append(to: &output)
        }
        return .mapped(text, log: log(of: functions))
    }

    private func reduce(_ functions: Functions, _ groups: [ReduceInput]) throws(ScriptError) -> HostReply {
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

    private func filter(
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

    // MARK: Expressions

    private func evaluate(_ evaluation: Evaluation) throws(ScriptError) -> HostReply {
        let place = evaluation.location.name
        watch.begin(names: [place])
        for session in evaluation.ended { scopes.remove(session) }
        do throws(ScriptException) {
            let scope = try scope(of: evaluation.session)
            var missing: [String] = []
            for binding in evaluation.bindings {
                if let json = binding.json {
                    try watch.call(0) { () throws(ScriptException) in
                        try scope.bind(binding.name, version: binding.version, json: json)
                    }
                } else if !scope.holds(binding.name, version: binding.version) {
                    missing.append(binding.name)
                }
            }
            guard missing.isEmpty else { return .missing(missing) }
            let code = ExpressionCode(
                evaluation.isStatements ? .statements : .expression,
                evaluation.text,
                name: place,
                line: evaluation.location.line
            )
            let result = try watch.call(0) { () throws(ScriptException) in
                try scope.run(code, names: evaluation.bindings.map(\.name))
            }
            guard result.count <= limits.outputSize else { throw .outputLimit }
            var text: [UInt8] = []
            result.append(to: &text)
            return .value(text[...])
        } catch {
            throw ScriptError(error, in: place, otherwise: .exception)
        }
    }

    private func scope(of session: Int) throws(ScriptException) -> ExpressionScope {
        if let scope = scopes.value(for: session) { return scope }
        let scope = try ExpressionScope(on: machine)
        scopes.keep(scope, for: session)
        return scope
    }
}
