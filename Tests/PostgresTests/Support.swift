import Logging
import Postgres
import TestSupport
import Testing

/// One changed setting of a test's client.
struct Setting {
    fileprivate let apply: (inout PostgresConfiguration) -> Void

    static func set<Value>(_ path: WritableKeyPath<PostgresConfiguration, Value>, _ value: Value) -> Setting {
        Setting { $0[keyPath: path] = value }
    }
}

/// A client of the running test's database, closed at the end.
func withClient<Value>(
    _ settings: Setting...,
    body: (PostgresClient) async throws -> Value
) async throws -> Value {
    var configuration = try PostgresConfiguration(url: TestDatabase.address)
    (configuration.connectTimeout, configuration.acquireTimeout) = (.seconds(60), .seconds(120))
    for setting in settings { setting.apply(&configuration) }
    let client = PostgresClient(configuration, logger: Logger(label: "test"))
    return try await attempt {
        try await body(client)
    } finally: {
        await client.close()
    }
}

extension PostgresClient {
    /// The first column of the first row.
    func one<Value: PostgresDecodable>(_ query: PostgresQuery, as type: Value.Type = Value.self) async throws -> Value {
        guard let row = try await self.query(query).first else { throw NoRow() }
        return try row.decode(Value.self)
    }
}

struct NoRow: Error {}

/// The error that `body` throws; nil when it throws none, or one of another kind.
func postgresError(_ body: () async throws -> Void) async -> PostgresError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? PostgresError
    }
}

/// Expects a value that is awaited for; the expression of `#expect` cannot both wait and throw here.
func expect<Value: Equatable>(
    _ value: Value,
    equals expected: Value,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(value == expected, sourceLocation: sourceLocation)
}
