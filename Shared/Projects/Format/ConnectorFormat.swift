import Sequences

/// The kinds of connectors, as `type` names them.
enum ConnectorType: String, CaseIterable {
    case http
    case sql
    case ldap
    case amqp
    case smtp
    case fullsync
    case directory
}

extension ProjectReader {
    /// Reads `connectors/<name>.yaml`.
    func readConnector(_ name: String, file: String) -> Connector? {
        guard var members = members(of: file, subject: "a connector") else { return nil }
        let description = members.text("description")
        guard let text = members.text("type", required: "http, sql, ldap, amqp, smtp, fullsync or directory") else {
            members.stop()
            return nil
        }
        guard let type = ConnectorType(rawValue: text) else {
            problems.reportUnknown(
                "there is no connector of type '\(text)'",
                name: text,
                among: ConnectorType.allCases.map(\.rawValue),
                at: members.position(of: "type")
            )
            return nil
        }
        let kind: Connector.Kind?
        switch type {
        case .http: kind = readHTTPConnector(&members).map { .http($0) }
        case .sql: kind = readSQLConnector(&members).map { .sql($0) }
        case .ldap: kind = readLDAPConnector(&members).map { .ldap($0) }
        case .amqp: kind = readAMQPConnector(&members).map { .amqp($0) }
        case .smtp: kind = readSMTPConnector(&members).map { .smtp($0) }
        case .fullsync:
            kind = members.text("database", required: "the database whose documents are meant").map {
                .fullSync(FullSyncConnector(database: $0, position: members.position(of: "database")))
            }
        case .directory: kind = .directory
        }
        members.finish()
        return kind.map {
            Connector(name: name, description: description, kind: $0, position: members.position(of: "type"))
        }
    }
}
