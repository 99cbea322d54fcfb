package import Messaging
import Synchronization

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
        let places = Places(count)
        let end = Task { try? await Task.sleep(for: .seconds(86_400)) }
        return try await withThrowingTaskGroup(of: [IncomingMessage].self) { group in
            group.addTask {
                try await self.consume(
                    queue,
                    prefetch: prefetch,
                    concurrency: concurrency,
                    maximumOversize: maximumOversize
                ) { delivery in
                    guard places.take() else {
                        // For whoever takes next: given back now, it would be here again at once.
                        await end.value
                        return delivery.giveBack()
                    }
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
            defer {
                group.cancelAll()
                end.cancel()
            }
            return try await group.next() ?? []
        }
    }
}

/// How many messages are still wanted.
private final class Places: Sendable {
    private let left: Atomic<Int>

    init(_ count: Int) {
        left = Atomic(count)
    }

    func take() -> Bool { left.subtract(1, ordering: .relaxed).newValue >= 0 }
}
