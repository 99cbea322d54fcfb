import Projects

/// The ODBC drivers that connectors may use: one for each engine, and those that the operator allows besides.
///
/// A driver of another engine would open what that engine's rules do not hold for, files first of all.
struct ODBCDrivers: Sendable {
    /// What is wrong with the operator's list.
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    private var allowed: [SQLConnector.Engine: Set<String>] = [:]

    /// Reads the operator's list, like `sqlserver=FreeTDS, oracle=Oracle 21 ODBC driver`; an empty one adds none.
    init(_ list: String) throws(Problem) {
        for entry in list.split(separator: ",") {
            let parts = entry.split(separator: "=", maxSplits: 1).map(Self.trimmed)
            guard parts.count == 2, let engine = SQLConnector.Engine(rawValue: parts[0]), !parts[1].isEmpty else {
                throw Problem(description: "connector.odbcDrivers is a list like sqlserver=FreeTDS, oracle=Oracle 21")
            }
            allowed[engine, default: []].insert(parts[1])
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    /// The name of the connector's driver in `odbcinst.ini`.
    func driver(of connector: SQLConnector) throws(ExchangeFailure) -> String {
        let standard = connector.engine.driver
        guard let driver = connector.driver, driver != standard else { return standard }
        guard allowed[connector.engine]?.contains(driver) ?? false else {
            throw .connectFailed("its driver is not allowed here; the operator sets FULLSYNC_CONNECTOR_ODBC_DRIVERS")
        }
        return driver
    }
}

extension SQLConnector.Engine {
    /// What the driver is called by who packages it.
    fileprivate var driver: String {
        switch self {
        case .mariadb, .mysql: "MariaDB Unicode"
        case .sqlserver: "ODBC Driver 18 for SQL Server"
        case .oracle: "Oracle ODBC"
        case .sqlite: "SQLite3"
        case .postgresql: "PostgreSQL Unicode"
        }
    }
}
