import Executors
import Foundation

extension ChildProcess {
    /// What came of waiting for a child to be ready.
    package enum Readiness: Sendable, Hashable {
        case ready
        /// It ended first.
        case ended(ChildProcess.ExitStatus)
        /// It runs, and has not said that it is ready.
        case late
        /// It runs, and the task that waited is cancelled.
        case cancelled
    }

    /// Starts `command` and waits for its word that it is ready (`sd_notify`), at most for `patience`.
    package static func startAwaitingReadiness(
        _ command: Command,
        patience: Duration
    ) async throws -> (ChildProcess, Readiness) {
        let socket = try ReadinessSocket()
        var command = command
        command.environment["NOTIFY_SOCKET"] = socket.environmentValue
        let child = try await start(command)
        return (child, await child.readiness(socket, patience))
    }

    /// Waits for the first of: ready, ended, cancelled, too late.
    private func readiness(_ socket: ReadinessSocket, _ patience: Duration) async -> Readiness {
        await withTaskCancellationHandler {
            Task {
                await waitForExit()
                socket.interrupt()
            }
            return switch await socket.wait(patience) {
            case .ready: .ready
            case .late: .late
            case .interrupted: exit.map { .ended($0) } ?? .cancelled
            }
        } onCancel: {
            socket.interrupt()
        }
    }
}

/// What this process says to whoever started it with `NOTIFY_SOCKET`: `fullsync start`, or systemd.
package enum ReadinessNotice {
    /// Says that this process is ready; does nothing when nobody asked.
    package static func send() {
        guard let name = ProcessInfo.processInfo.environment["NOTIFY_SOCKET"], name.hasPrefix("@") else { return }
        ReadinessSocket.send("READY=1", to: String(name.dropFirst()))
    }
}
