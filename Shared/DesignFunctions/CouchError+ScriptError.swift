package import CouchProtocol
package import ScriptHosting

extension CouchError {
    /// What a client is told of a function that gave no answer.
    ///
    /// The reason names the function and the line; the words for programs are those of CouchDB's query server.
    package init(_ error: ScriptError) {
        let (status, word): (Int, String) =
            switch error.kind {
            case .compilation: (500, "compilation_error")
            case .exception: (500, Self.name(of: error.message))
            case .timeLimit, .deadline, .memoryLimit, .outputLimit, .hostDied: (500, "os_process_error")
            case .reduceOverflow: (500, "reduce_overflow_error")
            case .inputLimit: (413, "too_large")
            case .unavailable, .cancelled, .protocolViolation: (503, "service unavailable")
            }
        self.init(status: status, error: word, reason: error.description)
    }

    /// The name of the error that the message begins with, as the host writes it.
    private static func name(of message: String) -> String {
        guard let end = message.firstIndex(of: ":") else { return "unnamed_error" }
        let name = message[..<end]
        let isName = name.hasSuffix("Error") && name.allSatisfy { $0.isASCII && $0.isLetter }
        return isName || name == "invalid_require_path" ? String(name) : "unnamed_error"
    }
}
