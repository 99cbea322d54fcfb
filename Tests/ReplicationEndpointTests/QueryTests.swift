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
