import Glibc

/// One end of the connection between a service and a script host, for frames; the owner closes it.
///
/// The connection is a pair of sockets and not of pipes, because a pair of sockets is closed on exec from its first
/// moment on, and a write to an end that has gone is an error and not a signal.
package struct HostChannel: ~Copyable {
    private let descriptor: Int32

    /// Takes over an open descriptor.
    package init(adopting descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Writes all of the bytes.
    ///
    /// - Parameters:
    ///   - bytes: What to write.
    ///   - deadline: When to give up; nil waits for ever. The descriptor must not block when there is one.
    package func write(_ bytes: [UInt8], deadline: ContinuousClock.Instant? = nil) throws(FrameError) {
        var offset = 0
        while offset < bytes.count {
            let start = offset
            let count = bytes.withUnsafeBytes { buffer in
                send(descriptor, buffer.baseAddress?.advanced(by: start), buffer.count - start, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 {
                offset += count
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: try wait(for: Int16(POLLOUT), until: deadline)
            case EPIPE, ECONNRESET: throw .truncated
            default: throw .system(errno)
            }
        }
    }

    /// Reads a frame of at most `limit` bytes; nil when the input ends before it.
    package func readFrame(limit: Int, deadline: ContinuousClock.Instant? = nil) throws(FrameError) -> Frame? {
        try Frame.read(limit: limit) { count throws(FrameError) in
            try read(count, deadline: deadline)
        }
    }

    /// Reads that many bytes; nil when the input ends before the first of them.
    private func read(_ count: Int, deadline: ContinuousClock.Instant?) throws(FrameError) -> [UInt8]? {
        var failure: FrameError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(FrameError) {
                filled = try fill(UnsafeMutableRawBufferPointer(buffer), deadline: deadline)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        if bytes.count == count { return bytes }
        guard bytes.isEmpty else { throw .truncated }
        return nil
    }

    /// Fills the buffer as far as the input goes, and says how far that is.
    private func fill(
        _ buffer: UnsafeMutableRawBufferPointer,
        deadline: ContinuousClock.Instant?
    ) throws(FrameError) -> Int {
        var offset = 0
        while offset < buffer.count {
            let count = recv(descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset, 0)
            if count == 0 { break }
            if count > 0 {
                offset += count
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: try wait(for: Int16(POLLIN), until: deadline)
            case ECONNRESET: return offset
            default: throw .system(errno)
            }
        }
        return offset
    }

    private func wait(for events: Int16, until deadline: ContinuousClock.Instant?) throws(FrameError) {
        var milliseconds: Int32 = -1
        if let deadline {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { throw .deadline }
            milliseconds = Int32(clamping: left.milliseconds + 1)
        }
        var request = pollfd(fd: descriptor, events: events, revents: 0)
        let ready = poll(&request, 1, milliseconds)
        if ready < 0, errno != EINTR { throw .system(errno) }
    }
}

extension Duration {
    /// The whole milliseconds of the duration.
    package var milliseconds: Int {
        Int(clamping: components.seconds) * 1_000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}
