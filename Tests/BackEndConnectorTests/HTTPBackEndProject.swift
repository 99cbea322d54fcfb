import Contracts
import Foundation
import JSON
import Projects

@testable import BackEndConnector

/// A project with an HTTP connector that a test writes, and the caller that carries out its transactions.
struct HTTPBackEndProject {
    let caller: HTTPCaller
    private let connector: HTTPConnector

    /// - Parameters:
    ///   - url: Where the back end answers.
    ///   - settings: Members of the connector, besides its address and what it may reach.
    ///   - transactions: Its transactions as YAML.
    ///   - symbols: The values of the secret symbols `SECRET`, `CA`, `CERTIFICATE` and `KEY`.
    init(
        _ url: String,
        settings: String = "",
        transactions: String,
        symbols: [String: String] = ["SECRET": "s3cret"],
        addresses: String = "loopback",
        caller: HTTPCaller = .forTests()
    ) throws {
        let indented = transactions.split(separator: "\n", omittingEmptySubsequences: false)
            .map { "  \($0)" }.joined(separator: "\n")
        let declared = ["SECRET", "CA", "CERTIFICATE", "KEY"].map { "  \($0): {secret: true}" }
        let project = try Project.read([
            "project.yaml": "project: p\nsymbols:\n\(declared.joined(separator: "\n"))\n",
            "connectors/http.yaml":
                "type: http\nbaseUrl: \(url)\naddresses: [\(addresses)]\n\(settings)\ntransactions:\n\(indented)\n",
        ]) { symbols[$0] ?? "-" }
        guard case .http(let connector)? = project.connectors["http"]?.kind else { throw MissingConnector() }
        self.connector = connector
        self.caller = caller
    }

    func call(
        _ name: String,
        _ variables: JSONObject = [:],
        session: String? = nil
    ) async -> Result<JSONValue, Failure> {
        guard let transaction = connector.transactions[name] else {
            return .failure(Failure(code: "test", message: "no transaction \(name)"))
        }
        do throws(Failure) {
            return .success(
                try await caller.run(
                    HTTPCaller.Call(
                        name: ConnectorName(project: "p", connector: "http"),
                        connector: connector,
                        transaction: transaction,
                        variables: variables,
                        idempotencyKey: "run/1",
                        session: session,
                        deadline: .now + .seconds(60)
                    )
                )
            )
        } catch {
            return .failure(error)
        }
    }

    func reason(of answer: Result<JSONValue, Failure>) -> Failure? {
        if case .failure(let failure) = answer { failure } else { nil }
    }

    func close() async { await caller.transports.close() }
}
