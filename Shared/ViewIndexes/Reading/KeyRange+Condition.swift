import Postgres
import ViewRules

extension KeyRange {
    /// The condition on the columns of `view_rows`, wider than the range where keys are cut.
    var condition: PostgresQuery {
        var condition: PostgresQuery = "true"
        if let lower { condition.append(Self.condition(lower, isLower: true)) }
        if let upper { condition.append(Self.condition(upper, isLower: false)) }
        return condition
    }

    private static func condition(_ bound: KeyBound, isLower: Bool) -> PostgresQuery {
        let sign = isLower ? ">" : "<"
        guard bound.key.count <= StoredKey.headLength else {
            return " AND key \(unescaped: sign)= \(Array(bound.key[..<StoredKey.headLength]))"
        }
        let orEqual = bound.isIncluded ? "=" : ""
        guard let id = bound.id else { return " AND key \(unescaped: sign + orEqual) \(bound.key)" }
        return " AND (key, id) \(unescaped: sign + orEqual) (\(bound.key), \(id))"
    }
}
