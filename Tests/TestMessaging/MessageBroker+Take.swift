package import Messaging

extension MessageBroker {
    /// Takes so many messages of a queue and acknowledges them.
    ///
    /// - Parameters:
    ///   - prefetch: How many are under way at once.
    ///   - concurrency: How many are looked at at once; nil for as many as are under way.
    ///   - maximumOversize: How many bytes a message may have that is larger than messages may be.
    /// - Returns: The messages, in the order in which they were looked at.
    /// - Throws: What ends the consuming before they are there.
    package func take(
        _ count: Int,
        from queue: String,
        prefetch: Int = 16,
        concurrency: Int? = nil,
        maximumOversize: Int = 0
    ) async throws -> [IncomingMessage] {
        let (messages, continuation) = AsyncStream.makeStream(of: IncomingMessage.self)
        return try await withThrowingTaskGroup(of: [IncomingMessage].self) { group in
            group.addTask {
                try await self.consume(
                    queue,
                    prefetch: prefetch,
                    concurrency: concurrency,
                    maximumOversize: maximumOversize
                ) { delivery in
                    let message = delivery.message
                    delivery.acknowledge()
                    continuation.yield(message)
                }
                throw CancellationError()
            }
            group.addTask {
                var taken: [IncomingMessage] = []
                for await message in messages {
                    taken.append(message)
                    if taken.count == count { return taken }
                }
                throw CancellationError()
            }
            defer { group.cancelAll() }
            return try await group.next() ?? []
        }
    }
}
