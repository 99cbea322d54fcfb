import CouchProtocol
import HTTPTypes
import Hummingbird
import JSON
import Testing

@testable import ReplicationEndpoint

/// What an update function answers, as `chttpd_external` of CouchDB 3.5 reads it.
@Suite struct FunctionAnswerTests {
    private func answer(_ text: String, status: Int = 201) throws -> Response {
        try FunctionAnswer(try JSONValue(parsing: text)).response(status: status)
    }

    @Test(arguments: [
        (#""hello""#, 201, "text/html; charset=utf-8", 5), (#"{"body":"é"}"#, 201, "text/html; charset=utf-8", 2),
        (#"{"json":{"a":1},"code":202}"#, 202, "application/json", 8),
        (#"{"base64":"AAEC"}"#, 201, "application/binary", 3), ("{}", 201, "text/html; charset=utf-8", 0),
        (#"{"body":"x","headers":{"content-type":"text/plain"}}"#, 201, "text/plain", 1),
        (#"{"code":404,"body":"x","stop":true}"#, 404, "text/html; charset=utf-8", 1),
    ])
    func `an answer has a status, a type and a body`(
        _ text: String,
        _ status: Int,
        _ type: String,
        _ length: Int
    ) throws {
        let response = try answer(text)
        #expect(response.status.code == status)
        #expect(response.headers[.contentType] == type)
        #expect(response.body.contentLength == length)
    }

    @Test func `headers are taken over, but those that say where a message ends`() throws {
        let response = try answer(
            #"{"body":"x","headers":{"X-A":"b","X-N":7,"Content-Length":"99","Transfer-Encoding":"chunked","a b":"c"}}"#
        )
        #expect(response.headers[try #require(HTTPField.Name("X-A"))] == "b")
        #expect(response.headers[try #require(HTTPField.Name("X-N"))] == "7")
        #expect(response.headers[.contentLength] != "99" && response.headers[.transferEncoding] == nil)
        #expect(response.headers[.contentSecurityPolicy] == "sandbox")
        #expect(try answer(#"{"json":1}"#).headers[.contentSecurityPolicy] == nil)
    }

    @Test(arguments: [
        #"{"other":1}"#, #"{"code":"200"}"#, #"{"code":99}"#, #"{"body":1}"#, #"{"base64":"?"}"#, #"{"headers":[]}"#,
        #"{"headers":{"X-A":"b\r\nSet-Cookie: c"}}"#,
    ])
    func `an answer that means nothing is an error`(_ text: String) {
        #expect { try answer(text) } throws: { ($0 as? CouchError)?.error == "external_response_error" }
    }

    @Test func `a request's parameters and headers are named as in CouchDB`() {
        let query = ScriptRequest.query(Query("a=1&key=%5B1%5D&startkey=x&descending=true&b=%20c"))
        #expect(query == ["a": "1", "key": [1], "startkey": "x", "descending": true, "b": " c"])
        #expect(ScriptRequest.headline("x-couch-full-commit") == "X-Couch-Full-Commit")
    }
}
