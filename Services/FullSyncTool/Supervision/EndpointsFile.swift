import Foundation
import JSON
import PrivateServers

/// `endpoints.json`: where everything is, credentials included.
///
/// Its form is fixed by the contract, section 1.
struct EndpointsFile: Sendable, Hashable {
    /// The replication endpoint, with the administrator's name and password.
    let http: String
    let amqp: String
    let postgres: String
    /// Each service's address of `/_up` and `/metrics`, without the path.
    let services: [String: String]

    /// Writes it to `path` for its owner alone, whole or not at all.
    func write(_ path: String) throws {
        let services = services.sorted { $0.key < $1.key }.map { name, operations in
            (name, JSONValue.object(["up": .string(operations + "/_up"), "metrics": .string(operations + "/metrics")]))
        }
        let value: JSONValue = [
            "http": .string(http),
            "amqp": .string(amqp),
            "postgres": .string(postgres),
            "services": .object(JSONObject(services)),
        ]
        try TextFile.replace(path, with: value.prettyText + "\n")
    }
}
