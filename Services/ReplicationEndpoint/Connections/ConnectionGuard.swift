import HTTPTypes
import Metrics
import NIOCore
import NIOHTTPTypes

/// Stands in each connection and sees to it that no client holds one for nothing.
///
/// It cuts off clients that owe the rest of a body, or do not take an answer, for too long; it lets clients that ask
/// (`Expect: 100-continue`) send their body when somebody reads it; and it closes behind an answer to a request of
/// which more is on its way than is worth reading. What lasts because the server takes its time, as live feeds do, is
/// none of its business.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// A body that has not come to its end.
    private struct Arrival {
        /// How many bytes are to come; nil where that was not said.
        var owed: Int?
        /// Whether the client waits to be told that the body is wanted.
        var awaitsLeave: Bool
        var pace: TransferPace
    }

    private let limits: ConnectionLimits
    private var arrival: Arrival?
    private var departure: TransferPace
    /// How many bytes waited to be taken when that was looked at last.
    private var waiting = 0
    /// Whether the connection ends with the answer that is being written.
    private var endsWithAnswer = false
    private var isClosing = false
    private var alarm: Scheduled<Void>?

    private static let cutOff = Counter(label: "fullsync_connections_cut_off")

    init(_ limits: ConnectionLimits) {
        self.limits = limits
        departure = limits.pace
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        alarm?.cancel()
        alarm = nil
    }

    // MARK: - What comes in

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        guard !isClosing else {
            // Read and forgotten, so that the client gets to read the answer before it learns that nobody listens.
            if case .end = part { context.close(promise: nil) }
            return
        }
        switch part {
        case .head(let request):
            arrival = Arrival(
                owed: request.headerFields[.transferEncoding] == nil
                    ? request.headerFields[.contentLength].flatMap { Int($0) } ?? 0 : nil,
                awaitsLeave: request.awaitsContinue,
                pace: limits.pace
            )
        case .body(let bytes):
            if let owed = arrival?.owed { arrival?.owed = max(0, owed - bytes.readableBytes) }
            arrival?.awaitsLeave = false
            arrival?.pace.endWaiting(bytes: bytes.readableBytes, at: context.eventLoop.now)
        case .end: arrival = nil
        }
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        // Nobody reads ahead of who takes the bytes: what is read is what the client owes.
        if arrival?.awaitsLeave == false {
            arrival?.pace.beginWaiting(at: context.eventLoop.now)
            setAlarm(context)
        }
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if isClosing, case ChannelEvent.inputClosed = event { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: - What goes out

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is BodyIsWanted else {
            context.triggerUserOutboundEvent(event, promise: promise)
            return
        }
        if arrival?.awaitsLeave == true {
            arrival?.awaitsLeave = false
            arrival?.pace.beginWaiting(at: context.eventLoop.now)
            setAlarm(context)
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
        }
        promise?.succeed()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var response) where response.status.kind != .informational:
            departure = limits.pace
            if let arrival, arrival.awaitsLeave || arrival.owed ?? 0 > limits.discarded {
                endsWithAnswer = true
                response.headerFields[.connection] = "close"
                // It is not waited for any more.
                self.arrival = nil
            }
            context.write(wrapOutboundOut(.head(response)), promise: promise)
        case .end where endsWithAnswer:
            context.writeAndFlush(data, promise: promise)
            isClosing = true
            context.close(mode: .output, promise: nil)
            context.eventLoop.assumeIsolated().scheduleTask(in: limits.linger) { context.close(promise: nil) }
        default: context.write(data, promise: promise)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        noteTaken(context)
        setAlarm(context)
        context.fireChannelWritabilityChanged()
    }

    /// Looks how much of what waited to be taken has been.
    private func noteTaken(_ context: ChannelHandlerContext) {
        let now = context.eventLoop.now
        let present = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        let taken = max(0, waiting - present)
        waiting = present
        if context.channel.isWritable {
            departure.endWaiting(bytes: taken, at: now)
        } else {
            departure.note(bytes: taken, at: now)
            departure.beginWaiting(at: now)
        }
    }

    // MARK: - The end of patience

    private func setAlarm(_ context: ChannelHandlerContext) {
        guard alarm == nil, let next = [arrival?.pace.deadline, departure.deadline].compactMap(\.self).min() else {
            return
        }
        // One at a time is enough: who is waited for anew meanwhile is looked at a little late.
        alarm = context.eventLoop.assumeIsolated().scheduleTask(deadline: next) {
            self.alarm = nil
            self.noteTaken(context)
            let now = context.eventLoop.now
            if self.arrival?.pace.isOver(at: now) == true || self.departure.isOver(at: now) {
                Self.cutOff.increment()
                context.close(promise: nil)
            } else {
                self.setAlarm(context)
            }
        }
    }
}

/// Said to a connection when somebody begins to read the body of a request.
struct BodyIsWanted: Sendable {}

extension HTTPRequest {
    /// Whether the client waits with the body to hear that it is wanted, for a while (RFC 9110, section 10.1.1).
    var awaitsContinue: Bool { headerFields[.expect]?.lowercased() == "100-continue" }
}
