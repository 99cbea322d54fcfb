import CouchProtocol
import JSON
import Postgres
import TestSupport
import Testing

@testable import DocumentStore

/// What a client wrote is what every client reads.
@Suite(.database) struct BodyTests {
    /// Texts that JSONB refuses, rewrites or keeps.
    static let bodies = [
        #"{}"#, #"{"a":1,"b":[true,null,"x"]}"#, #"{"b":1,"a":2,"aaa":3}"#, #"{"a":"\u0000"}"#, #"{"\u0000":1}"#,
        #"{"a":"\ud800"}"#, #"{"a":"\ude00\ud83d"}"#, #"{"a":9007199254740993,"b":123456789012345678901234567890}"#,
        #"{"a":1e2,"b":-0,"c":1.0,"d":1E308,"e":5e-324,"f":-0.0}"#, #"{"x":{"a":1,"a":2}}"#,
        #"{"a":0.1000000000000000055511151231257827}"#, #"{"é":"\ud83d\ude00","e\u0301":"é"}"#,
        #"{"a":"\u0001\u001f\"\\\/"}"#, #"{"a":-9223372036854775808e0}"#,
        #"{"n":-9223372036854775808,"m":1e21,"l":9223372036854775808}"#,
    ]

    @Test(arguments: bodies) func `every value comes back equal`(_ text: String) async throws {
        let store = try await TestStore.make()
        try await store.put("d", text)
        let request = RevisionRequest(id: DocumentID(stored: "d"))
        let read = try await store.store.fetch([request], from: store.database, for: TestStore.administrator)
        let bytes = try #require(read[request]?.body)
        #expect(try JSONValue(parsing: bytes) == JSONValue(parsing: text))
        // What only the bytes can say (a duplicate, half of a pair, minus zero) stays as bytes.
        if !(try DocumentBody(text: text).isFaithfulInJSONB) { #expect(String(decoding: bytes, as: UTF8.self) == text) }
        await store.close()
    }

    @Test func `what is kept as text can be searched all the same`() async throws {
        let store = try await TestStore.make()
        for (index, text) in Self.bodies.enumerated() {
            var value = try #require(try JSONValue(parsing: text).objectValue)
            value["mark"] = .number(JSONNumber(index))
            let marked = text == "{}" ? JSONValue.object(value).text : text.dropLast() + ",\"mark\":\(index)}"
            try await store.put("d\(index)", String(marked))
            let found: Int64 = try await store.scalar(
                "SELECT count(*) FROM bodies WHERE body->'mark' = to_jsonb(\(index))"
            )
            #expect(found == 1, "\(text)")
        }
        await store.close()
    }

    @Test func `a number that most readers would take for infinity is refused`() {
        for number in ["1e400", "-1e309", String(repeating: "9", count: 400)] {
            #expect(throws: CouchError.self) { try IncomingDocument(parsing: Array("{\"a\":\(number)}".utf8)) }
        }
    }

    @Test func `a sequence's body is kept as a client's is`() async throws {
        let store = try await TestStore.make()
        for (index, text) in Self.bodies.enumerated() {
            var document = try #require(try JSONValue(parsing: text).objectValue)
            document["_id"] = .string("d\(index)")
            let outcomes = try await store.post(
                DocumentPost(
                    documents: [document],
                    policy: .override,
                    ownership: .tags(.none),
                    onlyIfChanged: false
                )
            )
            guard case .written(let id, _) = outcomes[0] else { throw NoRow() }
            let read = try await store.store.document(id, in: store.database, for: TestStore.administrator)
            #expect(try JSONValue(parsing: read?.body ?? []) == JSONValue(parsing: text))
        }
        await store.close()
    }
}
