import Postgres

/// Which work orders are asked for; every condition that is given must hold.
struct WorkOrderFilter: Hashable {
    /// The most numbers that one request may name.
    private static let maximumNumbers = 500

    var numbers: [String]?
    var technician: String?
    var team: String?
    var changedAfter: Int?

    init(_ parameters: QueryParameters) throws {
        numbers = parameters["ids"].map { $0.split(separator: ",").map(String.init) }
        technician = parameters["technician"]
        team = parameters["team"]
        if let text = parameters["changedAfter"] {
            guard let version = Int(text), version >= 0 else {
                throw APIError.invalid(member: "changedAfter", reason: "expected a version, a whole number")
            }
            changedAfter = version
        }
        guard numbers?.count ?? 0 <= Self.maximumNumbers else {
            throw APIError.invalid(member: "ids", reason: "expected at most \(Self.maximumNumbers) numbers")
        }
    }

    /// The conditions, each beginning with `AND`.
    var conditions: PostgresQuery {
        var query: PostgresQuery = ""
        if let numbers { query.append(" AND o.number = ANY(\(numbers))" as PostgresQuery) }
        if let technician { query.append(" AND o.technician = \(technician)" as PostgresQuery) }
        if let team { query.append(" AND o.team = \(team)" as PostgresQuery) }
        if let changedAfter { query.append(" AND o.version > \(changedAfter)" as PostgresQuery) }
        return query
    }
}
