import NIOCore
import Synchronization

/// Tells live feeds that their clients have hung up, while they have nothing to send and would not notice.
final class HangUps: Sendable {
    private let feeds = Mutex<[ObjectIdentifier: LiveFeed]>([:])

    /// Tells that feed when the connection closes.
    func watch(_ channel: (any Channel)?, for feed: LiveFeed) {
        guard let channel else { return }
        feeds.withLock { $0[ObjectIdentifier(channel)] = feed }
        // It may have closed while the request was read.
        if !channel.isActive { feed.signal(.hangUp) }
    }

    /// Lets the feed alone; another one of the same connection may follow.
    func forget(_ channel: (any Channel)?, _ feed: LiveFeed) {
        guard let channel else { return }
        feeds.withLock { feeds in
            let key = ObjectIdentifier(channel)
            if feeds[key] === feed { feeds[key] = nil }
        }
    }

    fileprivate func closed(_ channel: any Channel) {
        feeds.withLock { $0.removeValue(forKey: ObjectIdentifier(channel)) }?.signal(.hangUp)
    }
}

/// Stands in each connection and notices its end.
final class HangUpHandler: ChannelInboundHandler, RemovableChannelHandler {
    /// What comes in is none of its business.
    typealias InboundIn = Never

    private let hangUps: HangUps

    init(_ hangUps: HangUps) {
        self.hangUps = hangUps
    }

    func channelInactive(context: ChannelHandlerContext) {
        hangUps.closed(context.channel)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The server lets clients close their half first; a client of a live feed that does so has gone, as there is
        // nothing else by which that would show before the next thing is sent.
        if case ChannelEvent.inputClosed = event { hangUps.closed(context.channel) }
        context.fireUserInboundEventTriggered(event)
    }
}
