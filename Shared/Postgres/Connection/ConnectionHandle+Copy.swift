import CPostgres
import Foundation

extension ConnectionHandle {
    /// Starts a simple query that is to become a COPY in the wanted direction.
    func startCopy(_ sql: String, expecting direction: ExecStatusType) throws(PostgresError) {
        try leavePipeline()
        try check(PQsendQuery(connection, sql))
        guard let result = try nextResult() else { throw broken() }
        switch result.status {
        case direction: return
        case PGRES_FATAL_ERROR:
            let error = error(of: result)
            try drainResults()
            throw error
        default:
            // Another kind of statement has been carried out; its answer is read away.
            if result.status == PGRES_COPY_IN { try endCopyIn(failure: "not expected") }
            if result.status == PGRES_COPY_OUT { while try copyData() != nil {} }
            try drainResults()
            throw .misuse("the statement is not a COPY in this direction")
        }
    }

    /// Sends a part of the data, waiting until it is on its way, so that memory stays bounded.
    func putCopyData(_ bytes: [UInt8]) throws(PostgresError) {
        let sent = bytes.withUnsafeBytes { raw in
            PQputCopyData(connection, raw.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: raw.count))
        }
        try check(sent)
        try flush()
    }

    /// Ends the data; with a reason, the server drops them.
    func endCopyIn(failure: String?) throws(PostgresError) {
        try check(PQputCopyEnd(connection, failure))
        try flush()
    }

    /// The next part that the server sends; `nil` is the end.
    func copyData() throws(PostgresError) -> [UInt8]? {
        while true {
            var buffer: UnsafeMutablePointer<CChar>?
            let count = PQgetCopyData(connection, &buffer, 1)
            defer { PQfreemem(buffer) }
            switch count {
            case 1...:
                return Array(UnsafeRawBufferPointer(start: buffer, count: Int(count)))
            case 0:
                _ = try wait(for: POLLIN)
                guard PQconsumeInput(connection) == 1 else { throw broken() }
                progress()
            case -1: return nil
            default: throw broken()
            }
        }
    }

    /// What the end of a command said.
    struct Completion {
        var affected = 0
        /// Whether prepared statements may have been dropped.
        var dropsStatements = false
    }

    /// Reads the end of a command, and of those after it in the same script.
    @discardableResult
    func drainResults() throws(PostgresError) -> Completion {
        var completion = Completion()
        var failure: PostgresError?
        while let result = try nextResult() {
            switch result.status {
            case PGRES_FATAL_ERROR: failure = failure ?? error(of: result)
            case PGRES_COPY_IN: try endCopyIn(failure: "not expected")
            case PGRES_COPY_OUT: while try copyData() != nil {}
            default:
                completion.affected = result.affected
                completion.dropsStatements = completion.dropsStatements || result.dropsStatements
            }
            if isBroken { break }
        }
        if let failure { throw failure }
        return completion
    }
}
