import ScriptEngine
import ScriptHosting

/// The conversation with the parent: one request, one reply, until the parent closes the channel.
struct Host {
    private let replies: Replies

    init(channel: consuming HostChannel) {
        replies = Replies(channel: channel)
    }

    /// Answers requests; says why there are no more.
    func run() -> HostExit {
        do throws(FrameError) {
            guard let first = try replies.nextRequest(limit: Frame.maximumHeader) else { return .finished }
            guard case .hello(let version, let limits) = first else { return .protocolViolation }
            // The parent compares; a version that this code does not speak it is told, too.
            try replies.send(.hello(version: HostRequest.version))
            guard version == HostRequest.version else { return .protocolViolation }

            let watch = Watch()
            Guard(watch: watch, replies: replies, limits: limits).start()
            let worker = Worker(limits: limits, watch: watch)
            while let request = try replies.nextRequest(limit: limits.inputSize + Frame.maximumHeader) {
                let reply = worker.reply(to: request)
                watch.end()
                try replies.send(reply)
                worker.tidyUp()
            }
            return .finished
        } catch .truncated {
            return .finished
        } catch {
            return .protocolViolation
        }
    }
}
