import CouchProtocol
import JSON
import TestSupport
import Testing

@Suite struct IncomingDocumentTests {
    private func parse(_ text: String, rules: DocumentRules = DocumentRules()) throws -> IncomingDocument {
        try IncomingDocument(parsing: Array(text.utf8), rules: rules)
    }

    @Test func `special members are taken out and the rest stays in order`() throws {
        let document = try parse(
            """
            { "z": 1.50, "_id": "d", "_rev": "2-b", "~owner": "ada", "a": [ 1e2, "x y" ], "_deleted": false,
              "~groups": ["g1", "g2", "g1"], "_revs_info": [], "_conflicts": ["x"], "_local_seq": 4 , "\\u0062": null}
            """
        )
        #expect(document.id?.text == "d")
        #expect(document.revision == path(2, "b"))
        #expect(document.owner == "ada")
        #expect(document.groups == ["g1", "g2"])
        #expect(!document.isDeleted)
        #expect(document.attachments == nil)
        #expect(String(decoding: document.body, as: UTF8.self) == #"{"z":1.50,"a":[1e2,"x y"],"\u0062":null}"#)
        #expect(!document.isFaithfulInJSONB)
    }

    @Test func `an owner that is null is mentioned`() throws {
        let document = try parse(#"{"~owner":null}"#)
        #expect(document.owner == nil && document.mentionsOwner)
        #expect(try parse(#"{"~owner":"ada"}"#).mentionsOwner)
        #expect(try !parse("{}").mentionsOwner)
    }

    @Test func `the ancestry counts before the revision`() throws {
        let text = #"{"_rev":"1-x","_revisions":{"start":3,"ids":["c","b","a"]}}"#
        #expect(try parse(text).revision == path(3, "c", "b", "a"))
        var rules = DocumentRules()
        rules.ancestryLimit = 2
        #expect(try parse(text, rules: rules).revision == path(3, "c", "b"))
        #expect(try parse(#"{"_revisions":{"start":1,"ids":["c"]},"_rev":"1-x"}"#).revision == path(1, "c"))
    }

    @Test(arguments: [
        (#""one""#, ["one"]), (#"["a","b"]"#, ["a", "b"]), (#"{"a":true,"b":false,"c":true}"#, ["a", "c"]),
        ("[]", []), ("null", []),
    ])
    func `groups come in the forms that clients write`(value: String, groups: [String]) throws {
        var rules = DocumentRules()
        rules.groupsMember = "c8oGrp"
        rules.ownerMember = "~c8oAcl"
        let document = try parse(#"{"c8oGrp":\#(value),"~c8oAcl":"ada","~owner":1}"#, rules: rules)
        #expect(document.groups == groups)
        #expect(document.owner == "ada")
        #expect(String(decoding: document.body, as: UTF8.self) == #"{"~owner":1}"#)
    }

    @Test(arguments: [
        ("[]", CouchError.documentNotObject),
        (#"{"_foo":1}"#, .documentValidation("Bad special document member: _foo")),
        (#"{"_deleted":"yes"}"#, .documentValidation("Bad special document member: _deleted")),
        (#"{"_attachments":[]}"#, .documentValidation("Bad special document member: _attachments")),
        (#"{"_id":1}"#, .illegalDocumentID("Document id must be a string")),
        (#"{"_id":""}"#, .illegalDocumentID("Document id must not be empty")),
        (#"{"_id":"_x"}"#, .illegalDocumentID("Only reserved document ids may start with underscore.")),
        (#"{"_id":"_design/"}"#, .illegalDocumentID("Illegal document id `_design/`")),
        (#"{"_rev":"x"}"#, .invalidRevision), (#"{"_rev":null}"#, .invalidRevision),
        (#"{"_revisions":{"start":"1","ids":[]}}"#, .documentValidation("_revisions.start isn't an integer.")),
        (#"{"_revisions":{"start":1,"ids":"a"}}"#, .documentValidation("_revisions.ids isn't a array.")),
        (#"{"_revisions":{"start":1,"ids":[1]}}"#, .documentValidation("RevId isn't a string")),
        (
            #"{"_revisions":{"start":1,"ids":["b","a"]}}"#,
            .documentValidation("_revisions.ids has more entries than _revisions.start says.")
        ),
        (#"{"~owner":1}"#, .documentValidation("~owner must be a string")),
        (#"{"~groups":[1]}"#, .documentValidation("~groups must be an array of strings")),
        (#"{"~groups":{"a":1}}"#, .documentValidation("The members of ~groups must be true or false")),
        (#"{"_id":"a","_id":"b"}"#, .badRequest("The member _id stands twice.")),
        (#"{"~owner":"a","\u007eowner":"b"}"#, .badRequest("The member ~owner stands twice.")),
        (
            #"{"_attachments":{"_a":{"data":""}}}"#,
            .badRequest("Attachment name '_a' starts with prohibited character '_'")
        ),
        (#"{"_attachments":{"a":{"data":"*"}}}"#, .badRequest("Invalid attachment data for a")),
        (#"{"a":1e999}"#, .badRequest("a number beyond the range of double-precision floating point")),
    ])
    func `what CouchDB refuses is refused with its words`(text: String, error: CouchError) {
        #expect(throws: error) { try parse(text) }
    }

    @Test func `text that is no JSON says where`() {
        #expect(throws: CouchError.badRequest("invalid UTF-8 JSON: a member's name is expected at byte 7")) {
            try parse(#"{"a":1,}"#)
        }
    }

    @Test func `duplicate members of the body are kept as they are`() throws {
        let document = try parse(#"{"a":1,"a":2,"_id":"x"}"#)
        #expect(String(decoding: document.body, as: UTF8.self) == #"{"a":1,"a":2}"#)
        #expect(!document.isFaithfulInJSONB)
    }

    @Test func `members of CouchDB's replicator stay in the body`() throws {
        let document = try parse(#"{"_replication_id":"x","_access":[],"_replication_state":"triggered"}"#)
        #expect(
            String(decoding: document.body, as: UTF8.self)
                == #"{"_replication_id":"x","_access":[],"_replication_state":"triggered"}"#
        )
    }

    @Test func `a body beyond the limit is refused by its own size`() throws {
        var rules = DocumentRules()
        rules.bodyLimit = 10
        #expect(try parse(#"{"_id":"a long id does not count","a":12}"#, rules: rules).body.count == 8)
        #expect(throws: CouchError.documentTooLarge("x")) { try parse(#"{"_id":"x","a":123456}"#, rules: rules) }
    }

    @Test func `attachments come as stubs, as parts, or with the document`() throws {
        let document = try parse(
            #"{"_attachments":{"a":{"stub":true,"digest":"md5-x","revpos":2,"length":5},"b":{"follows":true,"length":9,"#
                + #""content_type":"text/plain","encoding":"gzip","encoded_length":3},"c":{"data":"aGVs\nbG8="}}}"#
        )
        let attachments = try #require(document.attachments)
        #expect(attachments.map(\.name) == ["a", "b", "c"])
        #expect(attachments.map(\.content) == [.stub, .follows, .inline(Array("hello".utf8))])
        #expect(attachments[0].revisionPosition == 2)
        #expect(attachments[1].encodedLength == 3)
        #expect(attachments[2].contentType == "application/octet-stream")
        #expect(AttachmentDigest.of(Array("hello".utf8)) == "md5-XUFAKrxLKna5cZ2REBfFkg==")
    }
}

@Suite struct OutgoingDocumentTests {
    @Test func `special members stand in front of the stored body`() throws {
        var document = OutgoingDocument(
            id: try DocumentID("a\"b"),
            revision: try rev("3-c"),
            body: Array(#"{"x":1.0,"y":"é"}"#.utf8)
        )
        #expect(String(decoding: document.bytes, as: UTF8.self) == #"{"_id":"a\"b","_rev":"3-c","x":1.0,"y":"é"}"#)
        document.isDeleted = true
        document.owner = "ada"
        document.groups = ["g"]
        document.revisions = path(3, "c", "b")
        document.revisionsInfo = [.init(revision: try rev("3-c"), status: "deleted")]
        document.conflicts = [try rev("2-x")]
        document.deletedConflicts = [try rev("2-y")]
        document.localSequence = 7
        var attachment = OutgoingAttachment(
            name: "n",
            contentType: "text/plain",
            revisionPosition: 2,
            digest: "md5-x",
            length: 2
        )
        document.attachments = [attachment]
        attachment.name = "m"
        attachment.content = .inline([0x68, 0x69])
        document.attachments.append(attachment)
        document.body = Array("{}".utf8)
        #expect(
            String(decoding: document.bytes, as: UTF8.self)
                == #"{"_id":"a\"b","_rev":"3-c","_deleted":true,"~owner":"ada","~groups":["g"],"#
                + #""_revisions":{"start":3,"ids":["c","b"]},"_revs_info":[{"rev":"3-c","status":"deleted"}],"#
                + #""_local_seq":7,"_conflicts":["2-x"],"_deleted_conflicts":["2-y"],"_attachments":{"#
                + #""n":{"content_type":"text/plain","revpos":2,"digest":"md5-x","length":2,"stub":true},"#
                + #""m":{"content_type":"text/plain","revpos":2,"digest":"md5-x","data":"aGk="}}}"#
        )
    }

    @Test func `what goes out comes in again`() throws {
        let text =
            #"{"_id":"d","_rev":"2-b","~owner":"o","~groups":["g"],"_revisions":{"start":2,"ids":["b","a"]},"k":[1]}"#
        let incoming = try IncomingDocument(parsing: Array(text.utf8))
        var outgoing = OutgoingDocument(
            id: try #require(incoming.id),
            revision: try #require(incoming.revision?.revision),
            body: incoming.body
        )
        outgoing.owner = incoming.owner
        outgoing.groups = incoming.groups ?? []
        outgoing.revisions = incoming.revision
        #expect(String(decoding: outgoing.bytes, as: UTF8.self) == text)
    }
}

@Suite struct RevisionDigestTests {
    @Test func `the same edit of the same revision is the same revision`() throws {
        let body = Array(#"{"a":1}"#.utf8)
        let parent = try rev("1-a")
        let edit = RevisionDigest(isDeleted: false, parent: parent, owner: "o", groups: ["a", "b"], body: body)
        #expect(edit.revision.generation == 2)
        var same = edit
        same.groups = ["b", "a"]
        #expect(same.revision == edit.revision)
        let different: [RevisionDigest] = [
            RevisionDigest(isDeleted: true, parent: parent, owner: "o", groups: ["a", "b"], body: body),
            RevisionDigest(isDeleted: false, parent: try rev("1-b"), owner: "o", groups: ["a", "b"], body: body),
            RevisionDigest(isDeleted: false, parent: nil, owner: "o", groups: ["a", "b"], body: body),
            RevisionDigest(isDeleted: false, parent: parent, owner: "p", groups: ["a", "b"], body: body),
            RevisionDigest(isDeleted: false, parent: parent, groups: ["a", "b"], body: body),
            RevisionDigest(isDeleted: false, parent: parent, owner: "o", groups: ["ab"], body: body),
            RevisionDigest(isDeleted: false, parent: parent, owner: "o", groups: ["a", "b"], body: [0x7B, 0x7D]),
            RevisionDigest(
                isDeleted: false,
                parent: parent,
                owner: "o",
                groups: ["a", "b"],
                attachments: [("n", "t", "md5-x")],
                body: body
            ),
        ]
        #expect(Set(different.map(\.revision)).union([edit.revision]).count == different.count + 1)
    }
}

@Suite struct NameTests {
    @Test(arguments: ["a", "a1_$()+-/b", "_users", "_replicator"])
    func `database names follow CouchDB`(text: String) throws {
        #expect(try DatabaseName(text).text == text)
    }

    @Test(arguments: ["", "A", "1a", "_x", "a b", "é", "a.b", "a\n"])
    func `other database names are refused`(text: String) {
        #expect(throws: CouchError.illegalDatabaseName(text)) { try DatabaseName(text) }
    }

    @Test func `a database name has a limit`() {
        let name = String(repeating: "a", count: 239)
        #expect(throws: CouchError.databaseNameTooLong(name)) { try DatabaseName(name) }
    }

    @Test func `ids are compared by their bytes`() throws {
        #expect(try DocumentID("\u{E9}") != DocumentID("e\u{301}"))
        #expect(try Set([DocumentID("\u{E9}"), DocumentID("e\u{301}")]).count == 2)
        let ids = try ["a", "é", "Z", "10", "9", "\u{10000}", "\u{FFFF}"].map { try DocumentID($0) }
        #expect(ids.sorted().map(\.text) == ["10", "9", "Z", "a", "é", "\u{FFFF}", "\u{10000}"])
    }

    @Test func `reserved ids are told apart`() throws {
        #expect(try DocumentID("_design/a").isDesign)
        #expect(try DocumentID("_local/a").isLocal)
        #expect(throws: CouchError.illegalDocumentID("Document id is too long")) {
            try DocumentID("12345", lengthLimit: 4)
        }
    }
}

@Suite struct Base64Tests {
    @Test(arguments: 0..<200)
    func `bytes survive`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let bytes = (0..<Int(seed % 50)).map { _ in UInt8.random(in: 0...255, using: &generator) }
        #expect(Base64.decode(Base64.encode(bytes).utf8) == bytes)
    }

    @Test(arguments: ["a", "a===", "ab=c", "ab===", "a*b=", "é"])
    func `what is no Base64 is refused`(text: String) {
        #expect(Base64.decode(text.utf8) == nil)
    }
}
