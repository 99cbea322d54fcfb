import Foundation
import PrivateServers

/// Relays what another process writes to its log.
struct LogFollower {
    private let log: LogFile
    private let start: Int

    /// Follows `log` from its present end.
    init(_ log: LogFile) {
        self.log = log
        start = log.size
    }

    /// Prints the lines that appear while `body` runs.
    func relaying<Result, Failure: Error>(
        to console: Console,
        _ body: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        let relay = Task { [log, start] in
            var position = start
            while !Task.isCancelled {
                position = Self.print(log, from: position, to: console)
                try? await Task.sleep(for: .milliseconds(50))
            }
            _ = Self.print(log, from: position, to: console)
        }
        do {
            let result = try await body()
            relay.cancel()
            await relay.value
            return result
        } catch {
            relay.cancel()
            await relay.value
            throw error
        }
    }

    /// Prints the whole lines after `position` and gives the position after them.
    private static func print(_ log: LogFile, from position: Int, to console: Console) -> Int {
        guard log.size > position, let file = FileHandle(forReadingAtPath: log.path) else { return position }
        defer { try? file.close() }
        guard (try? file.seek(toOffset: UInt64(position))) != nil, let data = try? file.readToEnd(),
            let end = data.lastIndex(of: UInt8(ascii: "\n"))
        else { return position }
        let whole = data[...end]
        console.print(String(decoding: whole.dropLast(), as: UTF8.self))
        return position + whole.count
    }
}
