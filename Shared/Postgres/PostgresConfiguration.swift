import CPostgres

/// Where the database is, and the limits of the pool.
package struct PostgresConfiguration: Sendable {
    /// The most connections that are open at once; each has a thread of its own.
    package var maximumConnections = 8
    /// The most tasks that wait for a connection at once; one more is refused at once.
    package var maximumWaiters = 10_000
    /// How long making one connection may take, name resolution apart; several hosts or addresses share it.
    package var connectTimeout: Duration = .seconds(5)
    /// How long a statement may run (`statement_timeout`); zero is without limit.
    package var statementTimeout: Duration = .seconds(30)
    /// How long a task waits for a connection, attempts to connect included.
    package var acquireTimeout: Duration = .seconds(10)
    /// How long a transaction may wait for its client before the server ends it, so that a client that hangs does
    /// not hold its locks for ever (`idle_in_transaction_session_timeout`); zero is without limit.
    package var idleTransactionTimeout: Duration = .seconds(60)
    /// How long an unused connection is kept.
    package var idleTimeout: Duration = .seconds(60)
    /// How many prepared statements each connection keeps.
    package var maximumPreparedStatements = 256
    /// What the connections are called in `pg_stat_activity` and in the metrics.
    package var applicationName: String
    /// The schemas that unqualified names are looked up in, comma separated; the server's default when `nil`.
    package var searchPath: String?

    /// What the URL said, by libpq's keywords, the password among it.
    private let parameters: [String: String]

    /// The configuration of `postgresql://user:password@host:port/database?sslmode=verify-full&sslrootcert=…`.
    ///
    /// Every parameter of libpq's URLs is taken. Throws ``PostgresError/invalidConfiguration(_:)``, whose text shows
    /// nothing of the URL.
    package init(url: String) throws(PostgresError) {
        guard url.hasPrefix("postgresql://") || url.hasPrefix("postgres://") else {
            throw .invalidConfiguration("not a PostgreSQL URL; expected postgresql://user:password@host:port/database")
        }
        parameters = try Self.parse(url)
        // A password with a raw '@', '/' or '?' in it ends up in other parts, which libpq quotes in its messages.
        let host = parameters["host", default: ""]
        let ports = parameters["port", default: ""].split(separator: ",")
        guard !host.contains("@"), !parameters["dbname", default: ""].contains("@"),
            ports.allSatisfy({ UInt16($0) != nil })
        else {
            throw .invalidConfiguration(
                "the URL's host, port or database is malformed; special characters of the password are written as %XX"
            )
        }
        applicationName = parameters["application_name"] ?? "fullsync"
    }

    private static func parse(_ url: String) throws(PostgresError) -> [String: String] {
        guard let options = PQconninfoParse(url, nil) else {
            throw .invalidConfiguration("the PostgreSQL URL has a malformed part or an unknown parameter")
        }
        defer { PQconninfoFree(options) }
        var parameters: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val {
                parameters[String(cString: keyword)] = String(cString: value)
            }
            option += 1
        }
        return parameters
    }
}

extension PostgresConfiguration {
    /// What libpq is given, the password included.
    var connectionParameters: [String: String] {
        var result = parameters
        result["application_name"] = applicationName
        result["client_encoding"] = "UTF8"
        // An attempt at Kerberos costs a round trip, and nobody asked for it.
        result["gssencmode"] = parameters["gssencmode"] ?? "disable"
        // A peer that vanished without a word is noticed, also while a cancel request is on its way to it.
        result["keepalives_idle"] = parameters["keepalives_idle"] ?? "30"
        result["keepalives_interval"] = parameters["keepalives_interval"] ?? "10"
        result["keepalives_count"] = parameters["keepalives_count"] ?? "3"
        result["tcp_user_timeout"] = parameters["tcp_user_timeout"] ?? "30000"
        result["options"] = serverOptions
        return result
    }

    /// Settings that the session starts with, which survive `RESET` and `DISCARD`; the URL's come last and win.
    private var serverOptions: String {
        var settings = [
            "statement_timeout=\(statementTimeout.milliseconds)",
            "idle_in_transaction_session_timeout=\(idleTransactionTimeout.milliseconds)",
            // Statements say how they are to be run, whatever their parameters are. Planned anew for each execution, as
            // the server else does where it hopes to gain by it, short ones take twice the time.
            "plan_cache_mode=force_generic_plan",
        ]
        if let searchPath { settings.append("search_path=\(searchPath)") }
        let ours = settings.map { setting in
            var escaped = ""
            for character in setting {
                if character == " " || character == "\\" { escaped.append("\\") }
                escaped.append(character)
            }
            return "-c \(escaped)"
        }
        return (ours + [parameters["options"]].compactMap(\.self)).joined(separator: " ")
    }
}

extension PostgresConfiguration: CustomStringConvertible, CustomReflectable {
    /// Host, port, database and user; not the password.
    package var description: String {
        let parts = ["host", "port", "dbname", "user", "sslmode"].compactMap { key in
            parameters[key].map { "\(key)=\($0)" }
        }
        return "PostgresConfiguration(\(parts.joined(separator: " ")))"
    }

    /// A mirror without children, so that `dump` does not show the password.
    package var customMirror: Mirror {
        Mirror(self, children: [:])
    }
}

extension Duration {
    /// Whole milliseconds, rounded up, so that a short time does not become zero, which means without limit.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let part = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return max(0, min(seconds, Int64(Int32.max) / 1000 - 1) * 1000 + part)
    }
}
