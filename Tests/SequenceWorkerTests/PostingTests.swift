import Foundation
import JSON
import Projects
import TestSupport
import Testing

@testable import SequenceWorker

/// Whose the documents are that sequences post, and what posting them costs.
@Suite(.database) struct PostingTests {
    /// What a post says of owner and groups, and what a document that ann has in g is then.
    static let owners: [(variables: JSONObject, user: String?, owner: JSONValue?, groups: JSONValue?)] = [
        ([:], "bob", "bob", nil), ([:], nil, nil, nil), (["owner": "user"], "bob", "bob", nil),
        (["owner": "anonymous"], "bob", nil, nil), (["owner": ["name": "eve"]], "bob", "eve", nil),
        (["owner": "keep"], "bob", "ann", ["g"]), (["owner": "keep", "groups": "keep"], nil, "ann", ["g"]),
        (["owner": "user", "groups": "keep"], "bob", "bob", ["g"]),
        (["owner": "anonymous", "groups": "keep"], "bob", nil, ["g"]),
        (["owner": ["name": "eve"], "groups": ["h", "i"]], "bob", "eve", ["h", "i"]),
        (["groups": []], "bob", "bob", nil),
    ]

    @Test(arguments: owners.indices)
    func `a post says whose its document is, and which groups'`(index: Int) async throws {
        let (variables, user, owner, groups) = Self.owners[index]
        try await TestRun.with { run in
            for (step, transaction) in [FullSyncTransaction.postDocument, .postBulkDocuments].enumerated() {
                let id = JSONValue.string("d\(step)")
                let first: JSONValue = ["_id": id, "~owner": "ann", "~groups": ["g"]]
                _ = try await run.call(.postDocument, ["document": first, "owner": "keep"], step: 10 * step + 1)
                // As it was read, and changed: what it says of itself counts with 'keep' alone.
                var changed = try #require(try await run.call(.getDocument, ["id": id]).objectValue)
                changed["n"] = 1
                let asked: JSONObject =
                    transaction == .postDocument
                    ? ["document": .object(changed)] : ["documents": [.object(changed)]]
                _ = try await run.call(transaction, asked.merging(variables), step: 10 * step + 2, user: user)
                let written = try await run.call(.getDocument, ["id": id])
                #expect(written["n"] == 1)
                #expect(written["~owner"] == owner, "\(transaction)")
                #expect(written["~groups"] == groups, "\(transaction)")
            }
        }
    }

    @Test(arguments: ["none", "override", "merge"], [true, false])
    func `a document that does not say whose it is stays whose it was`(policy: String, isDeleted: Bool) async throws {
        try await TestRun.with { run in
            for (step, kept) in ([["owner": "keep", "groups": "keep"], ["groups": "keep"]] as [JSONObject]).enumerated()
            {
                let id = JSONValue.string("d\(step)")
                let first: JSONValue = ["_id": id, "~owner": "ann", "~groups": ["g"]]
                let written = try await run.call(
                    .postDocument,
                    ["document": first, "owner": "keep"],
                    step: 10 * step + 1
                )
                var next: JSONObject = ["_id": id, "n": 1]
                if policy == "none" { next["_rev"] = written["rev"] }
                if isDeleted { next["_deleted"] = true }
                let asked: JSONObject = ["document": .object(next), "policy": .string(policy)]
                let answer = try await run.call(
                    .postDocument,
                    asked.merging(kept),
                    step: 10 * step + 2,
                    user: "bob"
                )
                let found = try await run.call(.getDocument, ["id": id, "rev": answer["rev"] ?? .null])
                // A deletion is of whom its document was.
                #expect(found["~owner"] == (kept["owner"] == nil && !isDeleted ? "bob" : "ann"))
                #expect(found["~groups"] == ["g"])
            }
        }
    }

    @Test(arguments: ["override", "merge"])
    func `of the same id twice the later one stays whose the earlier one says, and what comes back whose it was`(
        policy: String
    ) async throws {
        try await TestRun.with { run in
            let asked: JSONObject = ["policy": .string(policy), "owner": "keep", "groups": "keep"]
            let twice: JSONValue = [["_id": "d", "~owner": "ann", "~groups": ["g"]], ["_id": "d", "n": 1]]
            _ = try await run.call(.postBulkDocuments, asked.merging(["documents": twice]), step: 1)
            let found = try await run.call(.getDocument, ["id": "d"])
            #expect(found["n"] == 1 && found["~owner"] == "ann" && found["~groups"] == ["g"])
            _ = try await run.call(.deleteDocument, ["id": "d", "rev": found["_rev"] ?? .null], step: 2)
            let back = asked.merging(["document": ["_id": "d", "n": 2]])
            _ = try await run.call(.postDocument, back, step: 3)
            let again = try await run.call(.getDocument, ["id": "d"])
            #expect(again["n"] == 2 && again["~owner"] == "ann" && again["~groups"] == ["g"])
        }
    }

    @Test(
        arguments: [
            ["owner": "keep", "groups": ["g"]], ["owner": "nobody"], ["owner": ["group": "g"]], ["owner": 7],
            ["groups": "g"], ["groups": [1]],
        ] as [JSONObject]
    )
    func `what is no owner and no groups is refused, and writes nothing`(variables: JSONObject) async throws {
        try await TestRun.with { run in
            let asked = variables.merging(["document": ["_id": "d"]])
            let (refused, found) = (
                try await run.failure(.postDocument, asked), try await run.failure(.getDocument, ["id": "d"])
            )
            #expect(refused == "invalid_value" && found == "not_found")
        }
    }

    @Test func `a bulk post asks the database as often for a thousand documents as for ten`() async throws {
        var address = try #require(URLComponents(string: try TestDatabase.address))
        let proxy = try CountingProxy(to: try #require(address.port))
        address.host = "127.0.0.1"
        address.port = proxy.port
        try await TestRun.with(at: address.string) { run in
            func roundTrips(_ count: Int, step: Int, _ variables: JSONObject) async throws -> Int {
                let documents = (0..<count).map { number -> JSONValue in
                    ["_id": .string("d\(step)-\(number)"), "n": .number(JSONNumber(number))]
                }
                let before = proxy.roundTrips
                let asked: JSONObject = ["documents": .array(documents)]
                let answer = try await run.call(.postBulkDocuments, asked.merging(variables), step: step)
                #expect(answer["failed"] == 0)
                return proxy.roundTrips - before
            }
            let policies: [JSONObject] = [
                ["policy": "override"], ["policy": "merge", "onlyIfChanged": true], ["policy": "create"],
            ]
            for (number, variables) in policies.enumerated() {
                // The first statements of each kind are prepared.
                _ = try await roundTrips(3, step: 10 * number + 1, variables)
                let few = try await roundTrips(10, step: 10 * number + 2, variables)
                let many = try await roundTrips(1_000, step: 10 * number + 3, variables)
                // Some more, when a connection of the pool is new and prepares them anew.
                #expect(few > 0 && many < few + 10, "\(variables): \(few), \(many)")
            }
        }
        proxy.close()
    }
}
