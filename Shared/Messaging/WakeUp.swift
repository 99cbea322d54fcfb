internal import CRabbitMQ
internal import Glibc

/// What a thread that sleeps in `poll` can be woken with (Linux: `eventfd`).
final class WakeUp: Sendable {
    let fileDescriptor: Int32

    init() {
        fileDescriptor = fullsync_eventfd()
        precondition(fileDescriptor >= 0, "no file descriptor left for an eventfd")
    }

    deinit {
        close(fileDescriptor)
    }

    func signal() {
        var one: UInt64 = 1
        // Can only fail when 2^64 - 2 signals are waiting.
        _ = write(fileDescriptor, &one, MemoryLayout<UInt64>.size)
    }

    /// Forgets the signals that came.
    func clear() {
        var count: UInt64 = 0
        _ = read(fileDescriptor, &count, MemoryLayout<UInt64>.size)
    }

    /// Sleeps until a signal comes or the time is over, and, when a socket is given, until it is ready.
    func wait(
        for limit: Duration,
        socket: Int32? = nil,
        wantsWrite: Bool = false
    ) -> (isReadable: Bool, isWritable: Bool) {
        var descriptors = [
            pollfd(fd: fileDescriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: socket ?? -1, events: Int16(POLLIN) | (wantsWrite ? Int16(POLLOUT) : 0), revents: 0),
        ]
        let milliseconds = Int32(clamping: max(0, limit.milliseconds))
        guard poll(&descriptors, 2, milliseconds) > 0 else { return (false, false) }
        if descriptors[0].revents != 0 { clear() }
        let events = Int32(descriptors[1].revents)
        // An error or an end is found by reading.
        return (events & ~POLLOUT != 0, events & POLLOUT != 0)
    }
}
