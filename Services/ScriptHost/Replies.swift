import ScriptHosting
import Synchronization

/// The channel's writing side, for the thread that answers and for the one that ends the process.
final class Replies: Sendable {
    private let channel: HostChannel
    private let writing = Mutex(())

    init(channel: consuming HostChannel) {
        self.channel = channel
    }

    /// Waits for the next request; nil when the parent has gone.
    func nextRequest(limit: Int) throws(FrameError) -> HostRequest? {
        guard let frame = try channel.readFrame(limit: limit) else { return nil }
        return try HostRequest(frame)
    }

    /// Sends a reply.
    func send(_ reply: HostReply) throws(FrameError) {
        let bytes = reply.frame.bytes
        try writing.withLock { _ throws(FrameError) in try channel.write(bytes) }
    }

    /// Sends a reply unless another one is on its way, in whose middle it would be noise.
    func sendLast(_ reply: HostReply) {
        writing.withLockIfAvailable { _ in try? channel.write(reply.frame.bytes) }
    }
}
