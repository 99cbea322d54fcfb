import Contracts
import JSON
import Projects
import Sequences
import ServiceLifecycle

/// Carries out transactions of SQL connectors.
struct SQLCaller: Service {
    typealias Call = BackEndCall<SQLConnector, SQLTransaction>

    let lanes: ConnectorLanes
    let addresses: AddressGuard
    let postgres: PostgresBackEnds
    let odbc: ODBCBackEnds

    /// What the statements answered, as the sequence sees it.
    func run(_ call: Call) async throws(Failure) -> JSONValue {
        let statements: [BoundSQL]
        do {
            statements = try call.transaction.bind(
                call.variables,
                as: call.connector.engine == .postgresql ? .numbered : .questionMarks
            )
        } catch {
            throw Failure(error, of: call.title)
        }
        let holdsZero = statements.contains { $0.parameters.contains { $0.stringValue?.contains("\0") ?? false } }
        guard call.connector.engine != .postgresql || !holdsZero else {
            throw Failure(
                code: SequenceFailure.Code.invalidValue.description,
                message: "\(call.title): PostgreSQL has no text with a zero character"
            )
        }
        return try await lanes.carryOut(call) { deadline throws(ExchangeFailure) in
            let results: [[SQLResult]]
            if case .server(let server) = call.connector.place {
                let known = try await addresses.check(server.host, call.connector.addresses, until: deadline)
                results =
                    call.connector.engine == .postgresql
                    ? try await postgres.run(statements, of: call, at: server, known, until: deadline)
                    : try await odbc.run(statements, of: call, at: known, until: deadline)
            } else {
                results = try await odbc.run(statements, of: call, at: [], until: deadline)
            }
            return SQLAnswer.value(of: results, isList: call.transaction.isList)
        }
    }

    /// Keeps the connections until the process ends.
    func run() async throws {
        try? await gracefulShutdown()
        await close()
    }

    func close() async {
        await postgres.close()
        await odbc.close()
    }
}

extension Failure {
    /// A failure that was found before anything was sent.
    init(_ failure: SequenceFailure, of title: String) {
        self.init(code: failure.code.description, message: "\(title): \(failure.message)", details: failure.details)
    }
}
