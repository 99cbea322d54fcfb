import Hummingbird
import JSON
import Postgres

/// Which part of a long list is asked for: `?after=<cursor>&limit=<n>`.
struct PageRequest: Hashable {
    /// The most rows of a page.
    static let maximumLimit = 1_000
    static let defaultLimit = 100

    /// The key of the last row that the caller has; empty at the beginning.
    let after: String
    let limit: Int

    init(_ parameters: QueryParameters) throws {
        after = parameters["after"] ?? ""
        let limit = parameters["limit"]
        guard let count = limit.map({ Int($0) }) ?? Self.defaultLimit, (1...Self.maximumLimit).contains(count) else {
            throw APIError.invalid(member: "limit", reason: "expected a whole number from 1 to \(Self.maximumLimit)")
        }
        self.limit = count
    }
}

/// The decoded query of a request's URL.
struct QueryParameters {
    private let values: [String: String]

    init(_ request: Request) {
        values = Dictionary(
            request.uri.queryParameters.map { (String($0.key), String($0.value)) },
            uniquingKeysWith: { _, last in last }
        )
    }

    /// The parameter of that name; nil when it is absent or empty.
    subscript(name: String) -> String? {
        values[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// A page of rows that the database has already written as JSON: `{"rows": […], "next": "cursor" | null}`.
struct Page {
    private(set) var rows: [[UInt8]] = []
    private var next: String?
    /// Members besides rows and next.
    private let members: JSONObject

    /// The page of rows `(key, json)`, of which one more than the limit was asked for.
    init(_ rows: PostgresRows, limit: Int, members: JSONObject = [:]) throws {
        self.members = members
        self.rows.reserveCapacity(min(rows.count, limit))
        for row in rows.prefix(limit) {
            let (key, json) = try row.decode(String.self, PostgresJSON.self)
            self.rows.append(json.bytes)
            if self.rows.count == limit, rows.count > limit { next = key }
        }
    }

    var bytes: [UInt8] {
        var output = Array(#"{"rows":["#.utf8)
        for (index, row) in rows.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            output.append(contentsOf: row)
        }
        output.append(contentsOf: #"],"next":"#.utf8)
        (next.map(JSONValue.string) ?? .null).write(to: &output)
        for (name, value) in members {
            output.append(UInt8(ascii: ","))
            JSONValue.write(string: name, to: &output)
            output.append(UInt8(ascii: ":"))
            value.write(to: &output)
        }
        output.append(UInt8(ascii: "}"))
        return output
    }
}
