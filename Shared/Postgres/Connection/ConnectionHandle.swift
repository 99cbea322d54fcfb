import CPostgres
import Dispatch
import Foundation
import Logging

/// A `PGconn` in non-blocking mode, used from one thread, closed with the handle.
///
/// All waiting is in ``wait(for:)``: a `poll` on the socket and on the wake-up, with a deadline. When the wake-up trips
/// or the deadline passes, a cancel request goes to the server once, and its answer is waited for a little longer; a
/// server that does not answer then either leaves the handle broken.
///
/// Source: <https://www.postgresql.org/docs/current/libpq-async.html>
final class ConnectionHandle {
    let connection: OpaquePointer
    private let wakeUp: WakeUp
    private let notices: NoticeSink
    /// Whether the connection can only be thrown away.
    private(set) var isBroken = false

    /// How long an answer to a cancel request is waited for.
    private static let cancelPatience: Duration = .seconds(5)

    /// Why a cancel request was sent during the present operation.
    private enum Interruption {
        case cancelled
        case timedOut
    }

    private var interruption: Interruption?
    private var isInterruptible = false
    private var limit: Duration?
    private var deadline: ContinuousClock.Instant?

    /// Adopts the pointer.
    init(adopting connection: OpaquePointer, wakeUp: WakeUp, logger: Logger) {
        self.connection = connection
        self.wakeUp = wakeUp
        notices = NoticeSink(logger: logger)
        notices.attach(to: connection)
    }

    deinit {
        PQfinish(connection)
    }

    // MARK: Waiting

    /// Starts an operation; `limit` is the longest time without any progress, `nil` is without limit.
    func begin(limit: Duration?, interruptible: Bool) {
        interruption = nil
        isInterruptible = interruptible
        self.limit = limit
        progress()
    }

    /// Starts the limit's time anew.
    func progress() {
        guard interruption == nil else { return }
        deadline = limit.map { .now + $0 }
    }

    /// Waits until the socket is ready for one of `events`; `POLLIN` and the like.
    func wait(for events: Int32) throws(PostgresError) -> Int32 {
        let socket = PQsocket(connection)
        guard socket >= 0 else { throw broken() }
        while true {
            let watchesWakeUp = isInterruptible && interruption == nil
            var descriptors = [
                pollfd(fd: socket, events: Int16(events), revents: 0),
                pollfd(fd: wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            let patience = deadline.map { Int32(clamping: (.now..<max(.now, $0)).milliseconds) } ?? -1
            let ready = poll(&descriptors, watchesWakeUp ? 2 : 1, patience)
            if ready < 0 {
                guard errno == EINTR else { throw broken() }
            } else if ready == 0 {
                try interrupt(.timedOut)
            } else if descriptors[0].revents != 0 {
                return Int32(descriptors[0].revents)
            } else {
                try interrupt(.cancelled)
            }
        }
    }

    /// Asks the server to end what it does; the second time around it has not answered in time.
    private func interrupt(_ reason: Interruption) throws(PostgresError) {
        if let interruption {
            isBroken = true
            throw error(of: interruption)
        }
        interruption = reason
        deadline = .now + Self.cancelPatience
        guard sendCancel() else {
            isBroken = true
            throw error(of: reason)
        }
    }

    private func error(of interruption: Interruption) -> PostgresError {
        switch interruption {
        case .cancelled: .cancelled
        case .timedOut: .timedOut(.statement)
        }
    }

    /// `PQcancel`, on a thread of its own because it blocks without a limit when the server accepts and then hangs.
    ///
    /// It must have ended before the connection is used again: a cancel request that is still on its way would hit
    /// the next statement.
    func sendCancel() -> Bool {
        guard let request = PQgetCancel(connection) else { return false }
        let cancel = CancelRequest(adopting: request)
        let done = DispatchSemaphore(value: 0)
        let thread = Thread {
            cancel.send()
            done.signal()
        }
        thread.name = "postgres-cancel"
        thread.start()
        return done.wait(timeout: .now() + Double(Self.cancelPatience.components.seconds)) == .success
    }

    /// Marks the connection broken and says why in libpq's words, which hold no parameters.
    func broken() -> PostgresError {
        isBroken = true
        return .connectionLost(message)
    }

    /// `PQerrorMessage`, on one line.
    var message: String {
        Self.message(of: connection)
    }

    static func message(of connection: OpaquePointer) -> String {
        String(cString: PQerrorMessage(connection)).split(whereSeparator: \.isNewline).joined(separator: "; ")
    }

    // MARK: State

    var transactionStatus: PGTransactionStatusType { PQtransactionStatus(connection) }

    var processID: Int32 { PQbackendPID(connection) }

    /// Whether the connection still seems to stand, seen without asking the server.
    func isAlive() -> Bool {
        guard !isBroken, PQstatus(connection) == CONNECTION_OK else { return false }
        for _ in 0..<4 {
            var descriptor = pollfd(fd: PQsocket(connection), events: Int16(POLLIN), revents: 0)
            guard poll(&descriptor, 1, 0) > 0 else { break }
            guard PQconsumeInput(connection) == 1, PQisBusy(connection) == 0 else {
                isBroken = true
                return false
            }
        }
        isBroken = notices.sawFatal
        return !isBroken
    }

    // MARK: Results

    /// Sends what is queued and reads what has come, once.
    private func pump() throws(PostgresError) {
        let unsent = PQflush(connection)
        guard unsent >= 0 else { throw lost() }
        let ready = try wait(for: unsent == 1 ? POLLIN | POLLOUT : POLLIN)
        guard ready & ~POLLOUT != 0 else { return }
        guard PQconsumeInput(connection) == 1 else { throw lost() }
        progress()
    }

    /// The error of a connection that broke; when this side had already given up, that is the reason.
    private func lost() -> PostgresError {
        let error = broken()
        return interruption.map { self.error(of: $0) } ?? error
    }

    /// The next result of the present command, errors of the server included; `nil` ends it.
    func nextResult() throws(PostgresError) -> ResultHandle? {
        while PQisBusy(connection) == 1 { try pump() }
        return PQgetResult(connection).map { ResultHandle(adopting: $0) }
    }

    /// Waits until all that is queued has been sent, reading meanwhile, so that neither side waits for the other.
    func flush() throws(PostgresError) {
        while true {
            let unsent = PQflush(connection)
            guard unsent >= 0 else { throw lost() }
            guard unsent == 1 else { return progress() }
            let ready = try wait(for: POLLIN | POLLOUT)
            if ready & ~POLLOUT != 0, PQconsumeInput(connection) == 0 { throw lost() }
        }
    }

    /// Waits until the server says something by itself, and reads it; `false` when `time` passes in silence.
    ///
    /// Nothing is under way that the server could be asked to cancel.
    func waitForInput(_ time: Duration) throws(PostgresError) -> Bool {
        var descriptors = [
            pollfd(fd: PQsocket(connection), events: Int16(POLLIN), revents: 0),
            pollfd(fd: wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&descriptors, 2, Int32(clamping: time.milliseconds)) > 0 else { return false }
        guard descriptors[1].revents == 0 else { throw .cancelled }
        guard PQconsumeInput(connection) == 1, PQisBusy(connection) == 0, !notices.sawFatal else { throw lost() }
        return true
    }

    /// What an error result means.
    func error(of result: ResultHandle) -> PostgresError {
        guard PQstatus(connection) == CONNECTION_OK else { return lost() }
        guard let error = result.serverError else { return .misuse("an unexpected answer of the server") }
        if error.isFatal {
            isBroken = true
            return .connectionLost(error.description)
        }
        if error.sqlState == .queryCanceled, let interruption { return self.error(of: interruption) }
        return .server(error)
    }

    /// Checks what a `PQsend…` function returned.
    func check(_ sent: Int32) throws(PostgresError) {
        guard sent == 1 else {
            guard PQstatus(connection) == CONNECTION_OK else { throw lost() }
            // What else was queued is not known: the answers could no longer be told apart.
            isBroken = true
            throw .misuse("libpq refused to send: \(message)")
        }
    }
}

/// A `PGcancel`, which may be used from any thread while its connection waits.
private final class CancelRequest: @unchecked Sendable {  // because libpq says that PQcancel is thread-safe
    private let pointer: OpaquePointer

    init(adopting pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        PQfreeCancel(pointer)
    }

    /// Returns when the server has closed the request's connection, having told the backend.
    func send() {
        var message = [CChar](repeating: 0, count: 256)
        _ = PQcancel(pointer, &message, Int32(message.count))
    }
}

extension Range<ContinuousClock.Instant> {
    /// The whole milliseconds from the start to the end, rounded up.
    fileprivate var milliseconds: Int64 { (upperBound - lowerBound).milliseconds }
}
