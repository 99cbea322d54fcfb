import JSON
import Sequences

extension ProjectReader {
    /// Reads the members of a connector of type `sql`.
    func readSQLConnector(_ members: inout SourceMembers) -> SQLConnector? {
        guard let engine = readEngine(&members) else { return nil }
        let place = readPlace(&members, engine)
        let driver = members.text("driver")
        if driver != nil, engine == .postgresql {
            problems.report(
                "'driver' is for databases that are reached through ODBC",
                at: members.position(of: "driver")
            )
        }
        if let driver, driver.isEmpty || driver.contains("/") || driver.contains(where: \.isNewline) {
            problems.report(
                "'driver' is a name of odbcinst.ini, and no path",
                at: members.position(of: "driver")
            )
        }
        let timeout = members.duration(
            "timeout",
            atMost: SQLConnector.longestTimeout,
            default: SQLConnector.defaultTimeout
        )
        let rowLimit = members.integer(
            "rowLimit",
            in: 1...SQLConnector.largestRowLimit,
            default: SQLConnector.defaultRowLimit
        )
        let responseLimit = members.integer(
            "responseLimit",
            in: 1...SQLConnector.largestResponseLimit,
            default: SQLConnector.defaultResponseLimit
        )
        let concurrency = members.integer("concurrency", in: 1...200, default: SQLConnector.defaultConcurrency)
        let addresses = members.addresses()
        let problems = problems
        let transactions = members.transactions(expected: "name: {sql: SELECT …}") { member in
            SQLTransaction(reading: member, engine: engine, problems: problems)
        }
        return place.map {
            SQLConnector(
                engine: engine,
                place: $0,
                driver: driver,
                timeout: timeout,
                rowLimit: rowLimit,
                responseLimit: responseLimit,
                concurrency: concurrency,
                addresses: addresses,
                transactions: transactions
            )
        }
    }

    /// The engine, from which it follows what else there may be.
    private func readEngine(_ members: inout SourceMembers) -> SQLConnector.Engine? {
        let engines = SQLConnector.Engine.allCases.map(\.rawValue).joined(separator: ", ")
        let isThere = members.text("engine", required: "one of \(engines)") != nil
        let before = problems.problems.count
        let engine: SQLConnector.Engine = members.choice("engine", default: .postgresql)
        guard !isProbing else { return engine }
        guard isThere else {
            members.stop()
            return nil
        }
        return problems.problems.count == before ? engine : nil
    }

    /// Whether a JSON Schema is made rather than a project read: then everything is asked for.
    private var isProbing: Bool { problems.probes != nil }

    private func readPlace(_ members: inout SourceMembers, _ engine: SQLConnector.Engine) -> SQLPlace? {
        guard !isProbing else {
            // What one engine needs, another one does not know.
            for name in ["file", "host", "database", "user", "password"] { _ = members.text(name) }
            _ = members.integer("port", in: 1...65_535, default: 1)
            _ = members.security()
            return nil
        }
        return engine == .sqlite ? readFile(&members) : readServer(&members, engine)
    }

    private func readFile(_ members: inout SourceMembers) -> SQLPlace? {
        guard let path = members.text("file", required: "the database's file, like stock.db") else { return nil }
        let isPlain =
            !path.isEmpty && !path.hasPrefix("/")
            && path.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "-_./".utf8.contains(byte)
            }
        guard isPlain, !path.split(separator: "/").contains(where: { $0.hasPrefix(".") }) else {
            problems.report(
                "'file' is a path below the connector's folder: letters, digits, '-', '_', '.' and '/' only",
                at: members.position(of: "file")
            )
            return nil
        }
        return .file(path)
    }

    private func readServer(_ members: inout SourceMembers, _ engine: SQLConnector.Engine) -> SQLPlace? {
        let host = members.host(required: "where the database answers, like db.example.com")
        let port = members.integer("port", in: 1...65_535, default: engine.standardPort)
        let database = members.text("database", required: "the database's name")
        let user = members.text("user", required: "who connects")
        let password = readSecret("password", required: "the user's password, from a secret symbol", &members)
        let security = members.security()
        for (name, value) in [("database", database), ("user", user)] where value?.contains("\0") ?? false {
            problems.report("'\(name)' may hold no zero character", at: members.position(of: name))
        }
        guard let host, let database, let user, let password else { return nil }
        return .server(
            SQLServerPlace(
                host: host,
                port: port,
                database: database,
                user: user,
                password: password,
                security: security
            )
        )
    }
}

extension SQLConnector.Engine {
    fileprivate var standardPort: Int {
        switch self {
        case .postgresql: 5_432
        case .mariadb, .mysql: 3_306
        case .sqlserver: 1_433
        case .oracle: 1_521
        case .sqlite: 1
        }
    }
}

extension SQLTransaction {
    /// How many statements a transaction may have.
    static let maximumStatements = 100

    /// Reads one of an SQL connector's `transactions`.
    init?(reading member: SourceMember, engine: SQLConnector.Engine, problems: ProblemCollector) {
        guard var members = SourceMembers(member.node, subject: "a transaction", problems: problems) else { return nil }
        let problemsBefore = problems.problems.count
        name = member.name
        position = member.position
        description = members.text("description")
        let single = members.text("sql")
        let listed = members.list("statements")
        isList = listed != nil
        statements = []
        if single != nil, listed != nil {
            problems.report("'sql' and 'statements' exclude each other", at: members.position(of: "statements"))
        } else if single == nil, listed == nil {
            members.reportMissing("sql", expected: "a statement, or 'statements': several in one transaction")
        }
        if let single, let text = Self.read(single, engine, at: members.position(of: "sql"), problems) {
            statements = [text]
        }
        for node in listed ?? [] {
            guard let text = node.string else {
                problems.report("'statements' must be a list of texts, found \(node.kind)", at: node.position)
                continue
            }
            if let statement = Self.read(text, engine, at: node.position, problems) { statements.append(statement) }
        }
        if listed?.count ?? 1 > Self.maximumStatements || listed?.isEmpty ?? false {
            problems.report(
                "'statements' must be from 1 to \(Self.maximumStatements) statements",
                at: members.position(of: "statements")
            )
        }
        let isolation: SQLConnector.Isolation = members.choice("isolation", default: .readCommitted)
        self.isolation = members.has("isolation") ? isolation : nil
        if members.has("isolation") {
            if listed == nil, single != nil {
                problems.report(
                    "'isolation' goes with 'statements' only",
                    at: members.position(of: "isolation"),
                    suggestion: "a single statement is a transaction of its own"
                )
            }
        }
        isIdempotent = members.flag("idempotent", default: statements.allSatisfy(\.isReading))
        let timeout = members.duration("timeout", atMost: SQLConnector.longestTimeout, default: .zero)
        self.timeout = timeout == .zero ? nil : timeout
        // What follows from a problem that is reported is no problem of its own.
        guard problems.problems.count == problemsBefore else {
            variables = members.variables() ?? []
            members.finish()
            return
        }
        variables = members.variables(for: statements.flatMap(\.variables), of: name, at: position)
        members.finish()
    }

    private static func read(
        _ text: String,
        _ engine: SQLConnector.Engine,
        at position: SourcePosition,
        _ problems: ProblemCollector
    ) -> SQLText? {
        do {
            return try SQLReader.read(text, for: engine)
        } catch {
            problems.report(error.message, at: position, suggestion: error.suggestion)
            return nil
        }
    }
}
