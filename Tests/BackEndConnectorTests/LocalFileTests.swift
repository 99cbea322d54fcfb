import Contracts
import JSON
import TestSupport
import Testing

@testable import BackEndConnector
@testable import Projects

/// What a server of SQL must not get: files of the connector's machine.
@Suite(.database) struct LocalFileTests {
    @Test func `MariaDB's driver sends no file, whatever asks for it`() async throws {
        let back = try await SQLBackEnd(
            .mariadb,
            """
            make: {sql: CREATE OR REPLACE TABLE files (line TEXT)}
            all: {sql: SELECT line FROM files}
            """
        )
        _ = try await back.call("make").get()
        var transaction = try #require(back.transactions["all"])
        // No project can say that; a server can answer any statement as if it did.
        let text = "LOAD DATA LOCAL INFILE '/proc/self/environ' INTO TABLE files"
        transaction.statements = [SQLText(parts: [.literal(text)], verb: "LOAD")]
        await #expect(throws: Failure.self) {
            try await back.carryOut(
                BackEndCall(
                    name: ConnectorName(project: "p", connector: "tested"),
                    connector: back.target,
                    transaction: transaction,
                    variables: [:],
                    idempotencyKey: "run/1",
                    deadline: .now + .seconds(60)
                )
            )
        }
        #expect(try await back.call("all").get()["rows"] == [])
        await back.close()
    }
}
