import ScriptEngine
import ScriptHosting

extension ScriptError {
    /// What an exception means to whoever asked for the call.
    ///
    /// - Parameters:
    ///   - exception: How the script ended.
    ///   - function: What the function is called that was being called.
    ///   - kind: The kind of what the script threw.
    init(_ exception: ScriptException, in function: String, otherwise kind: Kind) {
        var message = exception.message
        if !exception.name.isEmpty { message = "\(exception.name): \(message)" }
        let isHere = exception.source.isEmpty || exception.source == function
        if !isHere, let line = exception.line { message += " (\(exception.source):\(line))" }
        let kind: Kind =
            switch exception.cause {
            case .syntax: .compilation
            case .thrown: kind
            case .timeLimit: .timeLimit
            case .outputLimit: .outputLimit
            case .reduceOverflow: .reduceOverflow
            }
        self.init(
            kind,
            message,
            function: function,
            line: isHere ? exception.line : nil,
            column: isHere ? exception.column : nil
        )
    }
}
