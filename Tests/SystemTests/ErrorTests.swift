import JSON
import NIOHTTP1
import Testing

extension SystemTests {
    /// What is answered to requests that make no sense: CouchDB's statuses and names.
    @Suite(.timeLimit(.minutes(30))) struct ErrorTests {
        @Test(
            arguments: [
                ("GET", "/none", nil, 404, "not_found"), ("GET", "/none/doc", nil, 404, "not_found"),
                ("GET", "/none/_changes", nil, 404, "not_found"),
                ("POST", "/none/_bulk_docs", #"{"docs":[]}"#, 404, "not_found"),
                ("DELETE", "/none", nil, 404, "not_found"), ("GET", "/fieldservice/none", nil, 404, "not_found"),
                ("GET", "/_none", nil, 404, "not_found"), ("GET", "/fieldservice/_none", nil, 404, "not_found"),
                ("GET", "/fieldservice/a/b/c/d", nil, 404, "not_found"), ("GET", "/%zz", nil, 404, "not_found"),
                ("PUT", "/Upper", nil, 400, "illegal_database_name"), ("PUT", "/fieldservice", nil, 412, "file_exists"),
                ("PATCH", "/fieldservice", nil, 405, "method_not_allowed"),
                ("DELETE", "/fieldservice/_changes", nil, 405, "method_not_allowed"),
                ("GET", "/fieldservice/_bulk_docs", nil, 405, "method_not_allowed"),
                ("GET", "/fieldservice/_revs_diff", nil, 405, "method_not_allowed"),
                ("POST", "/fieldservice/_bulk_docs", #"{"docs":"#, 400, "bad_request"),
                ("POST", "/fieldservice/_bulk_docs", "[]", 400, "bad_request"),
                ("POST", "/fieldservice/_bulk_docs", "{}", 400, "bad_request"),
                ("POST", "/fieldservice/_bulk_get", "{}", 400, "bad_request"),
                ("POST", "/fieldservice/_revs_diff", #"{"a":1}"#, 400, "bad_request"),
                ("PUT", "/fieldservice/a", "[1]", 400, "bad_request"),
                ("PUT", "/fieldservice/a", #"{"_foo":1}"#, 400, "doc_validation"),
                ("PUT", "/fieldservice/a", #"{"_id":"_b"}"#, 400, "illegal_docid"),
                ("PUT", "/fieldservice/a?rev=1", "{}", 400, "bad_request"),
                ("GET", "/fieldservice/a?rev=x", nil, 400, "bad_request"),
                ("GET", "/fieldservice/_changes?feed=tv", nil, 400, "bad_request"),
                ("GET", "/fieldservice/_changes?since=then", nil, 400, "bad_request"),
                ("GET", "/fieldservice/_changes?limit=-1", nil, 400, "bad_request"),
                ("GET", "/fieldservice/_changes?heartbeat=0", nil, 400, "bad_request"),
                ("GET", "/fieldservice/_all_docs?startkey=a", nil, 400, "bad_request"),
                ("GET", "/_fullsync/runs?state=odd", nil, 400, "query_parse_error"),
                ("GET", "/_fullsync/runs/none", nil, 404, "not_found"),
                ("POST", "/_fullsync/runs/none/retry", nil, 404, "not_found"),
            ] as [(String, String, String?, Int, String)]
        )
        func `a request that makes no sense`(
            method: String,
            path: String,
            body: String?,
            status: Int,
            error: String
        ) async throws {
            let answer = try await RunningSystem.shared.administrator.send(method, path, text: body)
            #expect(answer.status == status, "\(answer.json)")
            #expect(answer.error == error)
            #expect(answer.reason?.isEmpty == false)
        }

        @Test func `a method that a resource does not have names those that it has`() async throws {
            let answer = try await RunningSystem.shared.administrator.send("PUT", "/fieldservice/_changes", [:])
            #expect(answer.headers.first(name: "Allow") == "GET,POST,HEAD")
        }

        @Test func `HEAD answers what GET would, without the body`() async throws {
            let client = try await RunningSystem.shared.administrator
            let whole = try await client.get("/fieldservice/_design%2Flisteners")
            let head = try await client.send("HEAD", "/fieldservice/_design%2Flisteners")
            #expect(head.status == 200)
            #expect(head.bytes.isEmpty)
            #expect(head.headers["etag"] == whole.headers["etag"])
            #expect(head.headers["content-length"] == [String(whole.bytes.count)])
        }
    }
}
