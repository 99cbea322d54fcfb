import Hummingbird
import NIOCore

/// The body of a request whose client waits to hear that it is wanted: it is, when it is read.
struct AwaitedBody: AsyncSequence, Sendable {
    let body: RequestBody
    let channel: any Channel

    struct AsyncIterator: AsyncIteratorProtocol {
        private var iterator: RequestBody.AsyncIterator
        private let channel: any Channel
        private var isAskedFor = false

        fileprivate init(_ sequence: AwaitedBody) {
            iterator = sequence.body.makeAsyncIterator()
            channel = sequence.channel
        }

        @concurrent mutating func next() async throws -> ByteBuffer? {
            if !isAskedFor {
                isAskedFor = true
                channel.triggerUserOutboundEvent(BodyIsWanted(), promise: nil)
            }
            return try await iterator.next()
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }
}
