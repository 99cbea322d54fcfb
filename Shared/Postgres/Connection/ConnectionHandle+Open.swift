import CPostgres
import Foundation
import Logging

extension ConnectionHandle {
    /// Connects to the first place that takes the connection, within `timeout`, and until `wakeUp` trips; name
    /// resolution alone is not bounded.
    ///
    /// Each host, and each address of it, has its share of the time: one that says nothing leaves the next ones theirs.
    static func open(
        _ parameters: [String: String],
        timeout: Duration,
        wakeUp: WakeUp,
        logger: Logger
    ) throws(PostgresError) -> ConnectionHandle {
        var deadline = ContinuousClock.now + timeout
        let hosts = ConnectionPlaces.hosts(of: parameters)
        var failures: [PostgresError] = []
        for (index, host) in hosts.enumerated() {
            let places: [[String: String]]
            let start = ContinuousClock.now
            do throws(PostgresError) {
                defer { deadline += start.duration(to: .now) }
                places = try ConnectionPlaces.addresses(of: host)
            } catch {
                failures.append(error)
                continue
            }
            let hostDeadline = share(of: deadline, among: hosts.count - index)
            for (index, place) in places.enumerated() {
                let placeDeadline = share(of: hostDeadline, among: places.count - index)
                do throws(PostgresError) {
                    return try open(place, until: placeDeadline, wakeUp: wakeUp, logger: logger)
                } catch {
                    // Who refuses for good, as a wrong password, ends it, as it does for libpq.
                    guard error.isUnavailable else { throw error }
                    failures.append(error)
                }
            }
        }
        throw summary(of: failures)
    }

    /// Until when the first of that many may take the time up to the deadline.
    private static func share(
        of deadline: ContinuousClock.Instant,
        among count: Int
    ) -> ContinuousClock.Instant {
        let now = ContinuousClock.now
        return count > 1 ? now + now.duration(to: deadline) / count : deadline
    }

    /// The words about all places that were tried, with the code of the last.
    private static func summary(of failures: [PostgresError]) -> PostgresError {
        guard failures.count > 1, case .connectionFailed(_, let state)? = failures.last else {
            return failures.last ?? .connectionFailed("there is no host")
        }
        var reasons: [String] = []
        for failure in failures {
            let reason = if case .connectionFailed(let reason, _) = failure { reason } else { "\(failure)" }
            if !reasons.contains(reason) { reasons.append(reason) }
        }
        return .connectionFailed(reasons.joined(separator: "; "), state)
    }

    /// Connects to one place.
    private static func open(
        _ parameters: [String: String],
        until deadline: ContinuousClock.Instant,
        wakeUp: WakeUp,
        logger: Logger
    ) throws(PostgresError) -> ConnectionHandle {
        guard let connection = start(parameters) else { throw .connectionFailed("out of memory") }
        let handle = ConnectionHandle(adopting: connection, wakeUp: wakeUp, logger: logger)
        PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
        var status = PQstatus(connection) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING
        while status != PGRES_POLLING_OK {
            guard status != PGRES_POLLING_FAILED else { throw refusal(message(of: connection)) }
            try waitWhileConnecting(
                connection,
                events: status == PGRES_POLLING_READING ? POLLIN : POLLOUT,
                wakeUp: wakeUp,
                until: deadline
            )
            status = PQconnectPoll(connection)
        }
        PQsetErrorVerbosity(connection, PQERRORS_DEFAULT)
        guard PQsetnonblocking(connection, 1) == 0 else { throw handle.broken() }
        return handle
    }

    private static func start(_ parameters: [String: String]) -> OpaquePointer? {
        let pairs = Array(parameters)
        let keywords = pairs.map { strdup($0.key) }
        let values = pairs.map { strdup($0.value) }
        defer { for string in keywords + values { free(string) } }
        var keywordPointers = keywords.map { UnsafePointer($0) } + [nil]
        var valuePointers = values.map { UnsafePointer($0) } + [nil]
        return PQconnectStartParams(&keywordPointers, &valuePointers, 0)
    }

    private static func waitWhileConnecting(
        _ connection: OpaquePointer,
        events: Int32,
        wakeUp: WakeUp,
        until deadline: ContinuousClock.Instant
    ) throws(PostgresError) {
        var descriptors = [
            pollfd(fd: PQsocket(connection), events: Int16(events), revents: 0),
            pollfd(fd: wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            let left = deadline - .now
            guard left > .zero else { throw .timedOut(.connect) }
            let ready = poll(&descriptors, 2, Int32(clamping: left.milliseconds))
            guard ready >= 0 || errno == EINTR else { throw .connectionFailed("poll failed") }
            if descriptors[1].revents != 0 { throw .cancelled }
            if ready > 0 { return }
        }
    }

    /// Splits a verbose message (`FATAL:  28P01: password authentication failed …; LOCATION: …`), because libpq gives
    /// the code of a refused connection in no other way.
    static func refusal(_ message: String) -> PostgresError {
        var state: SQLState?
        var parts = message.components(separatedBy: "; ").filter { !$0.hasPrefix("LOCATION:") }
        for (index, part) in parts.enumerated() {
            let words = part.components(separatedBy: ":  ")
            guard words.count > 1, let end = words[1].firstIndex(of: ":") else { continue }
            let code = words[1][..<end]
            guard code.utf8.count == 5, code.allSatisfy({ $0.isASCII && ($0.isNumber || $0.isUppercase) }) else {
                continue
            }
            state = SQLState(rawValue: String(code))
            parts[index] = part.replacingOccurrences(of: "\(code): ", with: "")
        }
        return .connectionFailed(parts.joined(separator: "; "), state)
    }
}
