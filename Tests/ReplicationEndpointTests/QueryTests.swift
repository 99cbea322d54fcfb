import CouchProtocol
import Testing

@testable import ReplicationEndpoint

@Suite struct QueryTests {
    @Test(
        arguments: [
            (nil, nil), ("", nil), ("b=1", nil), ("a", ""), ("a=", ""), ("a=1", "1"), ("a=1&a=2", "2"),
            ("b=1&a=x%26y", "x&y"),
            ("a=x+y", "x y"), ("a=x%2By", "x+y"), ("a=1=2", "1=2"), ("%61=1", "1"), ("a=%zz", "%zz"), ("&&a=1&", "1"),
        ] as [(String?, String?)]
    )
    func `a parameter is what stands behind its name`(text: String?, value: String?) {
        #expect(Query(text)["a"] == value)
    }

    @Test func `a boolean is true, false or absent`() throws {
        #expect(try Query("a=true").bool("a"))
        #expect(try !Query("a=false").bool("a"))
        #expect(try !Query("").bool("a"))
        for text in ["a", "a=1", "a=True", "a=yes"] {
            #expect(throws: CouchError.self) { try Query(text).bool("a") }
        }
    }

    @Test func `a count is whole and not negative`() throws {
        #expect(try Query("a=12").count("a") == 12)
        #expect(try Query("a=0").count("a") == 0)
        #expect(try Query("").count("a") == nil)
        for text in ["a", "a=-1", "a=1.5", "a=x", "a=99999999999999999999"] {
            #expect(throws: CouchError.self) { try Query(text).count("a") }
        }
    }
}

@Suite struct FeedRequestTests {
    private func request(_ text: String) throws -> FeedRequest { try FeedRequest(Query(text)) }

    @Test func `a request that asks nothing gets all at once from the beginning`() throws {
        let request = try request("")
        #expect(request.feed == .normal)
        #expect(request.since == .after(SequenceToken(number: 0, incarnation: nil)))
        #expect(request.limit > 1_000_000_000)
        #expect(!request.allLeaves && !request.includesBodies)
        #expect(request.heartbeat == nil)
    }

    @Test func `what is asked is understood`() throws {
        let request = try request(
            "feed=longpoll&since=12-abc&limit=7&style=all_docs&include_docs=true&heartbeat=5000&timeout=90000"
        )
        #expect(request.feed == .longpoll)
        #expect(request.since == .after(SequenceToken(number: 12, incarnation: "abc")))
        #expect(request.limit == 7)
        #expect(request.allLeaves && request.includesBodies)
        #expect(request.heartbeat == .seconds(5))
        #expect(request.timeout == .seconds(90))
        #expect(try self.request("since=now").since == .now)
        #expect(try self.request("limit=0").limit == 1)
    }

    @Test func `without signs of life a wait has an end`() throws {
        #expect(try request("").timeout == .seconds(60))
        #expect(try request("timeout=1000").timeout == .seconds(1))
        #expect(try request("timeout=600000").timeout == .seconds(60))
        #expect(try request("heartbeat=true").timeout == nil)
        #expect(try request("heartbeat=true").heartbeat == .seconds(60))
        #expect(try request("heartbeat=false").timeout == .seconds(60))
        // More often than this would be a load and no sign.
        #expect(try request("heartbeat=1").heartbeat == .milliseconds(100))
    }

    @Test(arguments: [
        "feed=tv", "since=x", "limit=-1", "style=main", "include_docs=1", "heartbeat=0", "heartbeat=-5", "heartbeat=x",
        "timeout=x", "descending=2",
    ])
    func `what makes no sense is refused`(text: String) {
        #expect { try request(text) } throws: { ($0 as? CouchError)?.status == 400 }
    }

    @Test(arguments: ["filter=_doc_ids", "filter=_selector", "filter=d/f", "view=d/v", "descending=true"])
    func `what is not supported is not passed over`(text: String) {
        #expect { try request(text) } throws: { ($0 as? CouchError)?.status == 501 }
    }
}
