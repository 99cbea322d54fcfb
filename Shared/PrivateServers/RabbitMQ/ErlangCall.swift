import Foundation

/// Asks a running private RabbitMQ something in its own language.
package enum ErlangCall {
    /// Has the server evaluate Erlang expressions, as `rabbitmqctl eval` does, a hundred times faster.
    ///
    /// - Parameters:
    ///   - expressions: Ended by a full stop.
    ///   - directory: The server's, where its cookie is.
    ///   - port: That of Erlang's own network.
    /// - Returns: Whether they came to an end, and what was said of them.
    package static func evaluate(
        _ expressions: String,
        in directory: String,
        port: Int
    ) async -> (isSuccess: Bool, lines: [String]) {
        // A file of its own: the server's log has the lines of everything that happens meanwhile.
        let answer = LogFile("\(directory)/answer-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(atPath: answer.path) }
        let command = Command(
            "/bin/sh",
            [
                "-c", "printf '%s\\n' \"$1\" | erl_call -address 127.0.0.1:\(port) -h call$$ -e", "sh",
                expressions,
            ],
            environment: ["HOME": directory, "PATH": "/usr/bin:/bin:/usr/lib/erlang/bin"],
            output: .appended(to: answer.path)
        )
        let status = try? await ChildProcess.start(command).waitForExit()
        let lines = answer.lastLines()
        // It exits with 0 whatever came of the evaluation, and prints `{ok, …}` or `{error, …}`.
        let isSuccess = status?.isSuccess == true && lines.contains { $0.hasPrefix("{ok, ") }
        return (isSuccess, lines)
    }
}
