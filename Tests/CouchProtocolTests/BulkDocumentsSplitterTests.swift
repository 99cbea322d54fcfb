import JSON
import TestSupport
import Testing

@testable import CouchProtocol

/// What is taken out of the body of a `_bulk_docs` while it arrives, in pieces of any size.
@Suite struct BulkDocumentsSplitterTests {
    /// What has come of a body.
    private struct Outcome: Equatable {
        var texts: [String] = []
        /// The names and the characters of contents, in their order.
        var contents: [[String]] = []
        var request: BulkDocumentsRequest?
    }

    private static func limits(text: Int = 1 << 20, content: Int = 10) -> DocumentSplitter.Limits {
        var limits = DocumentSplitter.Limits(text: text)
        limits.content = content
        return limits
    }

    private func split(
        _ body: String,
        limits: DocumentSplitter.Limits = limits(),
        countLimit: Int = 100,
        pieces: () -> Int = { 1 << 20 }
    ) throws(CouchError) -> (Outcome, [SplitDocument]) {
        var splitter = BulkDocumentsSplitter(limits, countLimit: countLimit)
        var outcome = Outcome()
        var documents: [SplitDocument] = []
        var rest = Array(body.utf8)[...]
        while !rest.isEmpty {
            let piece = rest.prefix(max(1, pieces()))
            rest = rest.dropFirst(piece.count)
            for event in try splitter.append(Array(piece)) {
                switch event {
                case .contentStart(let name): outcome.contents.append([name, ""])
                case .content(let characters):
                    outcome.contents[outcome.contents.count - 1][1] += String(decoding: characters, as: UTF8.self)
                case .contentEnd: break
                case .document(let document):
                    outcome.texts.append(String(decoding: document.text, as: UTF8.self))
                    documents.append(document)
                }
            }
        }
        outcome.request = try splitter.finish()
        return (outcome, documents)
    }

    private static let body = #"""
         {"a":[{"docs":[1]}],"new_edits" : false, "docs" : [
          {"_id":"p\"hoto","_rev":"1-a","_attachments":{"one":{"data":"QUJDREVGR0hJSktM","x":{"data":"QUJDREVGR0hJSktM"}},
            "two":{"data":"QUJD"},"th\u0072ee":{"d\u0061ta":"QUJD\/\u0052EVG\nR0hJ","stub":false}},"data":"0123456789abc"},
          { } ,{"n":[{"_attachments":{"x":{"data":"QUJDREVGR0hJSktM"}}},"]}"]}
         ] , "docs2":["docs",{"docs":[]}] }
        """#

    @Test func `large contents are taken out, and all else stays as it is`() throws {
        let (outcome, documents) = try split(Self.body)
        #expect(
            outcome.texts == [
                #"{"_id":"p\"hoto","_rev":"1-a","_attachments":{"one":{"data":0,"x":{"data":"QUJDREVGR0hJSktM"}},"#
                    + "\n    " + #""two":{"data":"QUJD"},"th\u0072ee":{"d\u0061ta":1,"stub":false}},"#
                    + #""data":"0123456789abc"}"#,
                "{ }", #"{"n":[{"_attachments":{"x":{"data":"QUJDREVGR0hJSktM"}}},"]}"]}"#,
            ]
        )
        #expect(outcome.contents == [["one", "QUJDREVGR0hJSktM"], ["three", "QUJD/REVG\nR0hJ"]])
        #expect(outcome.request == .init(makesNewRevisions: false, isAllOrNothing: false))
        #expect(documents[0].id.map { String(decoding: $0, as: UTF8.self) } == #"p\"hoto"#)
        #expect(documents.map(\.contentCount) == [2, 0, 0])
    }

    @Test func `how the body is cut into pieces does not matter`() throws {
        let whole = try split(Self.body).0
        var generator = SeededGenerator(seed: 5)
        for longest in [1, 2, 3, 7, 20, 100] {
            for _ in 0..<30 {
                let cut = try split(Self.body) { Int.random(in: 1...longest, using: &generator) }.0
                #expect(cut == whole)
            }
        }
    }

    @Test func `a document is read with numbers in the places of its contents`() throws {
        let (_, documents) = try split(Self.body)
        let document = try IncomingDocument(
            parsing: documents[0].text,
            in: documents[0].text.indices,
            contents: documents[0].contentCount
        )
        let attachments = try #require(document.attachments)
        #expect(attachments.map(\.place) == [0, nil, 1])
        #expect(attachments.map(\.content) == [.follows, .inline(Array("ABC".utf8)), .follows])
        #expect(throws: CouchError.badRequest("Invalid attachment data for one")) {
            try IncomingDocument(parsing: documents[0].text)
        }
    }

    @Test func `nobody sends a number in the place of a content`() throws {
        for value in ["0", " 0", "-1"] {
            let body = #"{"docs":[{"_attachments":{"a":{"data":"QUJDREVGR0hJ"},"b":{"data":\#(value)}}}]}"#
            #expect(throws: CouchError.badRequest("Invalid attachment data for b")) { try split(body) }
        }
    }

    @Test func `of a document that is too long stays what it is called`() throws {
        let long = String(repeating: "x", count: 100)
        let body = #"{"docs":[{"x":"\#(long)","_id":"a","_rev":"1-a"},{"_id":"b"}]}"#
        let (outcome, documents) = try split(body, limits: Self.limits(text: 50))
        #expect(documents.map(\.isTooLarge) == [true, false])
        #expect(documents[0].id == Array("a".utf8) && documents[0].revision == Array("1-a".utf8))
        #expect(outcome.texts == ["", #"{"_id":"b"}"#])
    }

    @Test func `what is in memory is no more than the rest of a document`() throws {
        var splitter = BulkDocumentsSplitter(Self.limits())
        _ = try splitter.append(Array(#"{"docs":[{"_id":"a","_attachments":{"photo":{"data":""#.utf8))
        for _ in 0..<100 { _ = try splitter.append([UInt8](repeating: UInt8(ascii: "A"), count: 10_000)) }
        #expect(splitter.byteCount < 200)
    }

    @Test(arguments: [
        ("{}", CouchError.badRequest("POST body must include `docs` parameter.")),
        (#"{"docs":{}}"#, .badRequest("`docs` parameter must be an array.")),
        (#"{"docs":{"docs":[1]}}"#, .badRequest("`docs` parameter must be an array.")),
        ("[]", .badRequest("Request body must be a JSON object")),
        (#"{"docs":[1]}"#, .badRequest("Document must be a JSON object")),
        (#"{"docs":[],"new_edits":1}"#, .badRequest("`new_edits` parameter must be a boolean.")),
        (#"{"docs":[],"docs":[]}"#, .badRequest("The member docs stands twice.")),
        (#"{"docs":[],"d\u006fcs":[]}"#, .badRequest("The member docs stands twice.")),
        (#"{"new_edits":true,"docs":[],"new_edits":false}"#, .badRequest("The member new_edits stands twice.")),
        (#"{"docs":[{},{},{}]}"#, .badRequest("`docs` has more than 2 documents.")),
    ])
    func `a request must have a list of documents`(body: String, error: CouchError) {
        #expect(throws: error) { try split(body, countLimit: 2) }
    }

    @Test(arguments: [
        "", "x", #"{"docs":["#, #"{"docs":[{}"#, #"{"docs":[{]}"#, #"{"docs":[{}{}]}"#, #"{"docs":[{},]}"#,
        #"{"docs":[,{}]}"#, #"{"docs":[{},,{}]}"#, #"{"docs":[]"#, #"{"docs":[]}}"#, #"{"docs":[}"#, #"{docs:[]}"#,
    ])
    func `what is no JSON is refused`(body: String) {
        #expect(throws: CouchError.self) { try split(body) }
    }

    @Test func `it is known early whether the documents were made elsewhere`() throws {
        var splitter = BulkDocumentsSplitter(Self.limits())
        _ = try splitter.append(Array(#"{"new_edits":false,"docs":[{"#.utf8))
        #expect(splitter.areMadeElsewhere)
        var later = BulkDocumentsSplitter(Self.limits())
        _ = try later.append(Array(#"{"docs":[{},"#.utf8))
        #expect(!later.areMadeElsewhere)
    }

    @Test func `a document that is the whole text is split in the same way`() throws {
        let text = #"  {"_id":"a","_attachments":{"photo":{"data":"QUJDREVGR0hJSktM"}},"n":"{"} "# + "\n"
        for size in [1, 7, 1_000] {
            var splitter = WholeDocumentSplitter(Self.limits())
            var characters: [UInt8] = []
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                for case .content(let more) in try splitter.append(Array(rest.prefix(size))) { characters += more }
                rest = rest.dropFirst(size)
            }
            let document = try splitter.finish()
            let expected = #"{"_id":"a","_attachments":{"photo":{"data":0}},"n":"{"}"#
            #expect(String(decoding: document.text, as: UTF8.self) == expected)
            #expect(String(decoding: characters, as: UTF8.self) == "QUJDREVGR0hJSktM")
            #expect(document.contentCount == 1)
        }
    }

    @Test(arguments: [
        ("", "Missing request body"), (" \n", "Missing request body"), ("[1]", "Document must be a JSON object"),
        ("7", "Document must be a JSON object"), ("x", nil), (#"{"a":1"#, nil), (#"{"a":1}}"#, nil), ("{}{}", nil),
    ])
    func `what is no document is refused`(text: String, reason: String?) throws {
        let error = #expect(throws: CouchError.self) {
            var splitter = WholeDocumentSplitter(Self.limits())
            _ = try splitter.append(Array(text.utf8))
            _ = try splitter.finish()
        }
        #expect(error?.error == "bad_request")
        if let reason { #expect(error?.reason == reason) }
    }

    @Test func `Base64 in pieces is what it is as a whole`() {
        let bytes = (0..<100).map { UInt8($0) }
        for length in 0...100 {
            let text = Array(Base64.encode(Array(bytes.prefix(length))).utf8)
            var decoder = Base64Decoder()
            var output: [UInt8] = []
            let isText = text.allSatisfy { decoder.append([$0], to: &output) }
            let isWhole = decoder.finish(to: &output)
            #expect(isText && isWhole && output == Array(bytes.prefix(length)))
        }
        var decoder = Base64Decoder()
        var output: [UInt8] = []
        let isText = decoder.append(Array("Q*".utf8), to: &output)
        #expect(!isText)
    }
}
