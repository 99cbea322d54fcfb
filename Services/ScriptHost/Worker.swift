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
            case .parse(let text, let form):
                try parse(text, as: form)
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
            case .validate(let reference, let writes, let context):
                guard let functions = try functions(reference) else { return .missing([]) }
                return try validate(functions, writes, context)
            case .update(let reference, let arguments):
                guard let functions = try functions(reference) else { return .missing([]) }
                return try update(functions, arguments)
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

    // MARK: Texts that are not run

    private func parse(_ text: String, as form: SourceForm) throws(ScriptError) {
        let form = SyntaxForm(form)
        watch.begin(names: [])
        let fault = watch.call(0) { machine.makeContext().syntaxFault(in: text, as: form) }
        if let fault { throw ScriptError(.compilation, fault.message, line: fault.line) }
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
                        if binding.isModules {
                            try scope.bindModules(binding.name, version: binding.version, json: json)
                        } else {
                            try scope.bind(binding.name, version: binding.version, json: json)
                        }
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
            // The engine has passed over its `finally`, those of the modules' library too: the next one begins anew.
            if error.cause == .timeLimit { scopes.remove(evaluation.session) }
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

extension SyntaxForm {
    fileprivate init(_ form: SourceForm) {
        switch form {
        case .expression: self = .expression
        case .statements: self = .statements
        case .function: self = .function
        case .module: self = .module
        }
    }
}
