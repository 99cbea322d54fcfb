/// Lets some tasks at once keep a connection while they wait for scripts, and the others in the order in which they
/// came.
///
/// What a script needs to answer, others decide; if all connections could wait for it, so would everybody.
actor ScriptedReads {
    private var free: Int
    private(set) var waiting: [(number: Int, turn: AsyncStream<Never>.Continuation)] = []
    private var count = 0

    /// - Parameter limit: How many go on at once.
    init(limit: Int) { free = limit }

    /// Runs `body` when it is its turn.
    nonisolated func run<Value>(_ body: () async throws -> Value) async throws -> Value {
        try await begin()
        let result: Result<Value, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        await end()
        return try result.get()
    }

    private func begin() async throws {
        try Task.checkCancellation()
        guard free == 0 else {
            free -= 1
            return
        }
        count += 1
        let number = count
        let (stream, turn) = AsyncStream<Never>.makeStream()
        waiting.append((number, turn))
        // Ends when it is the turn of this task, or when it is cancelled.
        for await _ in stream {}
        guard let place = waiting.firstIndex(where: { $0.number == number }) else { return }
        waiting.remove(at: place)
        throw CancellationError()
    }

    private func end() {
        guard !waiting.isEmpty else {
            free += 1
            return
        }
        waiting.removeFirst().turn.finish()
    }
}
