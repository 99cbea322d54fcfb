import CouchProtocol
import Testing

@testable import ReplicationEndpoint

@Suite struct LocalEditTests {
    private func edit(_ text: String) throws -> LocalEdit {
        try LocalEdit(parsing: Array(text.utf8), name: "x", EndpointLimits())
    }

    @Test(
        arguments: [
            (#"{"a":1}"#, 0), (#"{"_id":"_local/y","_rev":"0-3","a":1}"#, 3),
            // What CouchDB's replicator writes from its second checkpoint on.
            (#"{"_id":"_local/x","_rev":"0-3","_revisions":{"start":0,"ids":["3"]},"a":1}"#, 3),
            (#"{"_revisions":{"start":0,"ids":["4","3"]},"a":1}"#, 4),
        ]
    )
    func `a document says which revision it follows`(text: String, revision: Int) throws {
        #expect(try edit(text) == LocalEdit(name: "x", body: Array(#"{"a":1}"#.utf8), revision: revision))
    }

    @Test(
        arguments: [
            #"{"_rev":"1-a"}"#, #"{"_rev":3}"#, #"{"_revisions":["3"]}"#, #"{"_revisions":{"start":1,"ids":["3"]}}"#,
            #"{"_revisions":{"start":0,"ids":[]}}"#, #"{"_revisions":{"start":0,"ids":["-3"]}}"#,
            #"{"_attachments":{}}"#, "[]",
        ]
    )
    func `what is no local document is refused`(text: String) {
        #expect(throws: CouchError.self) { try edit(text) }
    }
}
