import CPostgres
import Logging

/// Takes what the server says besides results (NOTICE, WARNING, …) into the log.
final class NoticeSink {
    private let logger: Logger
    /// Whether the server has said that it ends the connection; libpq notices only when it reads on.
    private(set) var sawFatal = false

    init(logger: Logger) {
        self.logger = logger
    }

    /// Makes the sink the connection's notice receiver; it must live as long as the connection.
    func attach(to connection: OpaquePointer) {
        PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context, let result else { return }
                Unmanaged<NoticeSink>.fromOpaque(context).takeUnretainedValue().receive(result)
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
    }

    private func receive(_ result: OpaquePointer) {
        func field(_ field: ErrorField) -> String {
            PQresultErrorField(result, field.code).map { String(cString: $0) } ?? ""
        }
        let severity = field(.severity)
        let level: Logger.Level
        switch severity {
        case "FATAL", "PANIC":
            sawFatal = true
            level = .debug
        case "WARNING": level = .warning
        default: level = .debug
        }
        logger.log(
            level: level,
            "PostgreSQL notice",
            metadata: ["severity": "\(severity)", "sqlstate": "\(field(.sqlState))", "notice": "\(field(.message))"]
        )
    }
}
