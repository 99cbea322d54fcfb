import JSON
import Testing

@testable import CouchProtocol

/// What an id says about its document, byte by byte as PostgreSQL sees it.
@Suite struct DocumentIDTests {
    @Test(arguments: ["x", "\u{301}x", "\u{200D}x", "\u{FE0F}"])
    func `a reserved name is one whatever follows its slash`(name: String) throws {
        let design = try DocumentID("_design/" + name)
        #expect(design.isDesign && !design.isLocal && design.localName == nil)
        #expect(DocumentID.design(name).isDesign)
        #expect(try DocumentID.design(named: name) == design)
        #expect(try DocumentID.design(named: "_design/" + name) == design)
        let local = try DocumentID("_local/" + name)
        #expect(local.isLocal && !local.isDesign)
        #expect(local.localName?.unicodeScalars.elementsEqual(name.unicodeScalars) == true)
        #expect(throws: CouchError.self) { try DocumentID("_other/" + name) }
        #expect(throws: CouchError.self) { try DocumentID("_" + name) }
    }

    @Test func `what begins with an underscore is refused whatever follows it`() {
        for name in ["_a", "_\u{301}", "_\u{200D}a"] {
            #expect(throws: CouchError.self) { try IncomingAttachment.check(name: name, lengthLimit: 100) }
        }
        #expect(throws: CouchError.self) { try DocumentID("_\u{301}design/x") }
    }

    @Test(arguments: ["a.b", "a\\b", "a.\u{301}b", "\\\u{301}", ".\u{200D}."])
    func `a field's path reads as it was written`(name: String) throws {
        let path = FieldPath(names: [name, "c"])
        #expect(try FieldPath(parsing: path.text) == path)
    }

    @Test func `a document has so many values and no more`() throws {
        var rules = DocumentRules()
        rules.valueLimit = 4
        #expect(try IncomingDocument(parsing: Array(#"{"a":[0,0]}"#.utf8), rules: rules).body.count == 11)
        let error = CouchError.documentTooLarge("d")
        #expect(throws: error) { try IncomingDocument(parsing: Array(#"{"_id":"d","a":[0,0]}"#.utf8), rules: rules) }
        // With what the server adds, every reader of JSON takes what was taken.
        #expect(DocumentRules().valueLimit <= JSONLimits().values / 2)
    }
}
