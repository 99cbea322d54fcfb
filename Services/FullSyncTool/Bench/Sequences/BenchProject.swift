import Foundation
import JSON
import NIOHTTP1

/// A project that is deployed for measuring sequences, and taken away afterwards.
struct BenchProject: Sendable {
    let endpoint: AdministeredEndpoint
    let name: String

    /// The steps of `many`, for what one of them costs.
    static let steps = 50

    /// Deploys it under a name of its own.
    init(at endpoint: AdministeredEndpoint) async throws {
        self.endpoint = endpoint
        name = "fullsync-bench-\(UUID().uuidString.lowercased().prefix(8))"
        let files = Self.files(name).sorted { $0.key < $1.key }.map { ($0, JSONValue.string($1)) }
        _ = try await endpoint.send(
            .init(method: .PUT, path: path, body: ["files": .object(JSONObject(files))])
        )
    }

    /// Takes it away, with its database.
    func remove() async throws {
        _ = try await endpoint.send(.init(method: .DELETE, path: path))
        _ = try await endpoint.send(.init(method: .DELETE, path: [name]))
    }

    private var path: [String] { ["_fullsync", "projects", name] }

    /// The path of a sequence, for a client under load.
    func path(of sequence: String) -> String { "/_fullsync/projects/\(name)/sequences/\(sequence)" }

    /// Runs a sequence and gives its answer.
    func call(_ sequence: String, _ variables: JSONObject = [:]) async throws -> JSONValue {
        let request = AdministeredEndpoint.Request(
            method: .POST,
            path: path + ["sequences", sequence],
            body: .object(variables)
        )
        return try await endpoint.send(request).body
    }

    private static func files(_ name: String) -> [String: String] {
        [
            "project.yaml": """
            project: \(name)
            symbols:
              ERP_URL: {}
              ERP_TOKEN: {secret: true}
            """,
            "databases/\(name)/database.yaml": "description: Documents of a benchmark.\n",
            "connectors/store.yaml": "type: fullsync\ndatabase: \(name)\n",
            "connectors/erp.yaml": """
            type: http
            baseUrl: ${ERP_URL}
            authentication: {bearer: "${ERP_TOKEN}"}
            concurrency: 64
            addresses: [loopback, private]
            transactions:
              teams: {path: /teams, query: {limit: 1}}
            """,
            "sequences/none.yaml": "steps: []\n",
            "sequences/many.yaml": "steps:\n" + (0..<steps).map { "  - set: {n\($0): =\($0) + 1}\n" }.joined(),
            "sequences/typical.yaml": """
            steps:
              - js: "return [3, 1, 2].map(n => n * 2)"
                as: numbers
              - js: "return {sum: numbers.reduce((sum, n) => sum + n, 0)}"
                as: summed
              - callTransaction: erp.teams
                as: teams
              - js: "return {rows: teams.body.rows.length, sum: summed.sum}"
                as: result
              - output: =result
            """,
            // Times the transaction alone: how documents are made is not what is measured.
            "sequences/merge.yaml": """
            timeout: 5m
            variables:
              count: {type: integer, required: true}
              mark: {type: integer, required: true}
            steps:
              - js: |
                  const text = 'a text of some length, like that of a description in a catalogue. '.repeat(4)
                  return Array.from({length: count}, (_, n) => ({
                    _id: 'd' + n, number: n, mark: n % 2 ? mark : 0, text, tags: ['a', 'b', n % 7]
                  }))
                as: documents
              - set: {began: =Date.now()}
              - callTransaction: store.postBulkDocuments
                with: {documents: =documents, policy: merge, onlyIfChanged: true}
                as: result
              - output: {milliseconds: =Date.now() - began, written: =result.written, unchanged: =result.unchanged}
            """,
        ]
    }
}
