import CouchProtocol
import JSON
import Testing

@testable import ReplicationEndpoint

@Suite struct FeedRequestTests {
    private func request(_ text: String, _ body: JSONObject? = nil, lastEventID: String? = nil) throws -> FeedRequest {
        try FeedRequest(Query(text), lastEventID: lastEventID, body: body)
    }

    @Test func `a request that asks nothing gets all at once from the beginning`() throws {
        let request = try request("")
        #expect(request.feed == .normal)
        #expect(request.since == .after(SequenceToken(number: 0, incarnation: nil)))
        #expect(request.limit > 1_000_000_000)
        #expect(!request.allLeaves && !request.content.documents && !request.isDescending)
        #expect(request.heartbeat == nil)
        #expect(request.sequenceInterval == nil)
    }

    @Test func `what is asked is understood`() throws {
        let request = try request(
            "feed=longpoll&since=12-abc&limit=7&style=all_docs&include_docs=true&conflicts=true&attachments=true"
                + "&att_encoding_info=true&heartbeat=5000&descending=true&seq_interval=3&unknown=x"
        )
        #expect(request.feed == .longpoll)
        #expect(request.since == .after(SequenceToken(number: 12, incarnation: "abc")))
        #expect(request.limit == 7)
        #expect(request.allLeaves && request.isDescending)
        let content = request.content
        #expect(content.documents && content.conflicts && content.attachments && content.attachmentEncoding)
        #expect(request.heartbeat == .seconds(5))
        #expect(request.sequenceInterval == 3)
        #expect(try self.request("since=now").since == .now)
        #expect(try self.request("limit=0").limit == 1)
        #expect(try self.request("feed=live").feed == .continuous)
        #expect(try !self.request("include_docs=1").content.documents)
    }

    @Test func `a browser that comes back goes on where it was`() throws {
        let place = Since.after(SequenceToken(number: 5, incarnation: "abc"))
        #expect(try request("feed=eventsource&since=1", lastEventID: "\"5-abc\"").since == place)
        #expect(try request("feed=continuous&since=5-abc", lastEventID: "9").since == place)
        #expect(try request("last-event-id=5-abc").since == place)
    }

    @Test func `without signs of life a wait has an end`() throws {
        #expect(try request("").timeout == .seconds(60))
        #expect(try request("timeout=1000").timeout == .seconds(1))
        #expect(try request("timeout=600000").timeout == .seconds(60))
        #expect(try request("heartbeat=true&timeout=1000").timeout == nil)
        #expect(try request("heartbeat=true").heartbeat == .seconds(60))
        #expect(try request("heartbeat=600000").heartbeat == .seconds(60))
        #expect(try request("heartbeat=false").timeout == .seconds(60))
        // More often than this would be a load and no sign.
        #expect(try request("heartbeat=1").heartbeat == .milliseconds(100))
    }

    @Test(
        arguments: [
            ("feed=tv", "Supported `feed` types: normal, continuous, live, longpoll, eventsource"),
            ("since=x", "Malformed sequence supplied in 'since' parameter."),
            ("limit=-1", "The limit value should be a non-negative integer"),
            ("limit=x", "The limit parameter should be a non-negative integer"),
            ("timeout=x", "The timeout parameter should be a non-negative integer"),
            ("style=main", "Invalid value for style: main"),
            ("heartbeat=0", "The heartbeat value should be a positive integer (in milliseconds)."),
            ("heartbeat=-5", "The heartbeat value should be a positive integer (in milliseconds)."),
            ("heartbeat=x", "Invalid heartbeat value. Expecting a positive integer value (in milliseconds)."),
            ("seq_interval=0", "invalid_seq_interval"), ("filter=_none", "unknown builtin filter name"),
            ("filter=one", "`filter` must be of the form `designname/filtername`"),
            ("filter=_view", "`view` filter parameter is not provided."),
            ("filter=_doc_ids", "`doc_ids` filter parameter is not a list of doc ids."),
            ("filter=_doc_ids&doc_ids=%7B%7D", "`doc_ids` filter parameter is not a list of doc ids."),
            ("filter=_doc_ids&doc_ids=%5B1%5D", "`doc_ids` filter parameter is not a list of doc ids."),
            ("filter=_doc_ids&doc_ids=%5B", "invalid UTF-8 JSON"),
            ("filter=_selector", "Selector must be specified in POST payload"),
        ]
    )
    func `what makes no sense is refused, in CouchDB's words`(text: String, reason: String) {
        #expect { try request(text) } throws: { error in
            (error as? CouchError)?.status == 400 && (error as? CouchError)?.reason == reason
        }
    }

    @Test func `functions of design documents are found by their names`() throws {
        guard case .function(design: "d", name: "f/g") = try request("filter=d/f%252Fg").filter else {
            Issue.record("no function")
            return
        }
        guard case .view(design: "d", name: "v") = try request("filter=_view&view=d/v").filter else {
            Issue.record("no view")
            return
        }
        #expect(try request("filter=d/f").filter.needsScript && request("filter=d/f").filter.needsDocument)
    }

    @Test func `filters are understood`() throws {
        let ids: FeedFilter = try request("filter=_doc_ids&doc_ids=%5B%22a%22%5D").filter
        #expect(ids.admits(DocumentID(stored: "a")) && !ids.admits(DocumentID(stored: "b")))
        #expect(try request("filter=_doc_ids", ["doc_ids": ["b"]]).filter.admits(DocumentID(stored: "b")))
        let design: FeedFilter = try request("filter=_design").filter
        #expect(design.admits(.design("d")) && !design.admits(DocumentID(stored: "d")))
        #expect(try request("filter=_selector", ["selector": ["a": 1], "fields": ["a"]]).filter.needsDocument)
        // Without the filter's name, what the body says is no filter.
        #expect(try request("", ["doc_ids": ["b"]]).filter.admits(DocumentID(stored: "a")))
    }

    @Test(
        arguments: [
            ([:], 400, "Selector error: expected a JSON object"),
            (["selector": []], 400, "Selector error: expected a JSON object"),
            (["selector": ["a": ["$in": 1]]], 400, "Bad argument for operator $in: 1"),
            (["selector": [:], "fields": "a"], 400, "Selector error: fields must be JSON array"),
            (
                ["selector": ["a": .string(String(repeating: "x", count: 70_000))]], 413,
                "The selector has more than 65536 bytes."
            ),
        ] as [(JSONObject, Int, String)]
    )
    func `selectors that are none are refused`(body: JSONObject, status: Int, reason: String) {
        #expect { try request("filter=_selector", body) } throws: { error in
            (error as? CouchError)?.status == status && (error as? CouchError)?.reason == reason
        }
    }

    @Test func `a list of ids has an end`() {
        var limits = FeedLimits()
        limits.documentIDs = 2
        let body: JSONObject = ["doc_ids": ["a", "b", "c"]]
        #expect {
            try FeedRequest(Query("filter=_doc_ids"), body: body, limits: limits)
        } throws: {
            ($0 as? CouchError)?.status == 413
        }
    }
}

@Suite struct FeedPaceTests {
    private let start = FeedClock.Instant.now

    @Test func `signs of life come in between, and begin anew with each row`() throws {
        var pace = FeedPace(try FeedRequest(Query("feed=continuous&heartbeat=1000")), now: start)
        let signs = [999, 1_000, 1_999].map { pace.takeSign(now: start + .milliseconds($0)) }
        #expect(signs == [false, true, false])
        pace.noteRows(now: start + .milliseconds(1_900))
        let later = [2_500, 2_900].map { pace.takeSign(now: start + .milliseconds($0)) }
        #expect(later == [false, true])
        #expect(!pace.isOver(now: start + .seconds(10_000)))
    }

    @Test func `a wait without signs of life ends, and a list does not wait`() throws {
        let live = FeedPace(try FeedRequest(Query("feed=longpoll&timeout=500")), now: start)
        #expect(live.nextSign == nil)
        #expect(!live.isOver(now: start + .milliseconds(499)))
        #expect(live.isOver(now: start + .milliseconds(500)))
        let normal = FeedPace(try FeedRequest(Query("")), now: start)
        #expect(normal.end == nil)
        #expect(normal.nextSign != nil)
    }
}

@Suite struct FeedDoorsTests {
    private func user(_ name: String, isAdministrator: Bool = false) -> Principal {
        Principal(name: name, isAdministrator: isAdministrator, groups: [], evidence: .none)
    }

    @Test func `each user has so many feeds and all together have so many`() throws {
        var limits = FeedLimits()
        limits.perUser = 2
        limits.perInstance = 5
        let doors = FeedDoors(limits, hangUps: HangUps())
        let first = try doors.open(for: user("ada"))
        _ = try doors.open(for: user("ada"))
        #expect { try doors.open(for: user("ada")) } throws: { ($0 as? CouchError)?.status == 429 }
        doors.close(first)
        doors.close(first)
        _ = try doors.open(for: user("ada"))
        #expect { try doors.open(for: user("ada")) } throws: { ($0 as? CouchError)?.status == 429 }
        for _ in 0..<3 { _ = try doors.open(for: user("root", isAdministrator: true)) }
        #expect { try doors.open(for: user("bob")) } throws: { ($0 as? CouchError)?.status == 503 }
    }
}

@Suite struct PageSizeTests {
    @Test func `pages with documents are as large as these allow`() {
        var page = PageSize(limit: 1_000, withBodies: true)
        #expect(page.rows == 50)
        page.note(BytesRead(sum: 50 << 10, documents: 50))
        #expect(page.rows == 1_000)
        page.note(BytesRead(sum: 8 << 20, documents: 1))
        #expect(page.rows == 1)
        page.note(BytesRead())
        #expect(page.rows == 1)
        #expect(PageSize(limit: 1_000, withBodies: false).rows == 1_000)
    }
}
