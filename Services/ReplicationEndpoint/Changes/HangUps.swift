import NIOCore
import Synchronization

/// Tells those who take long to answer that their clients have hung up, while they have nothing to send and would not
/// notice.
final class HangUps: Sendable {
    private let listeners = Mutex<[ObjectIdentifier: any HangUpListener]>([:])

    /// Tells the listener when the connection closes.
    func watch(_ channel: (any Channel)?, for listener: any HangUpListener) {
        guard let channel else { return }
        listeners.withLock { $0[ObjectIdentifier(channel)] = listener }
        // It may have closed while the request was read.
        if !channel.isActive { listener.clientHungUp() }
    }

    /// Lets the listener alone; another one of the same connection may follow.
    func forget(_ channel: (any Channel)?, _ listener: any HangUpListener) {
        guard let channel else { return }
        listeners.withLock { listeners in
            let key = ObjectIdentifier(channel)
            if listeners[key] === listener { listeners[key] = nil }
        }
    }

    fileprivate func closed(_ channel: any Channel) {
        listeners.withLock { $0.removeValue(forKey: ObjectIdentifier(channel)) }?.clientHungUp()
    }
}

/// Who wants to know that a client has hung up.
protocol HangUpListener: AnyObject, Sendable {
    func clientHungUp()
}

extension LiveFeed: HangUpListener {
    func clientHungUp() { signal(.hangUp) }
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
        // The server lets clients close their half first; a client that waits for something and does so has gone, as
        // there is nothing else by which that would show before the next thing is sent.
        if case ChannelEvent.inputClosed = event { hangUps.closed(context.channel) }
        context.fireUserInboundEventTriggered(event)
    }
}
