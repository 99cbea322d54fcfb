import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// The forms in which clients send what they cannot send plainly: packed bodies, other methods, forms of pages.
    @Suite(.timeLimit(.minutes(30))) struct RequestFormTests {
        private func gzip(_ text: String) async throws -> [UInt8] {
            let file = "\(TestDirectory.shared)/\(uniqueID("packed"))"
            try Data(text.utf8).write(to: URL(filePath: file))
            try await CommandFailure.check("/bin/gzip", [file])
            return Array(try Data(contentsOf: URL(filePath: file + ".gz")))
        }

        @Test func `a packed body is unpacked, up to the limit`() async throws {
            let stage = try await Stage.make("packed")
            let packed = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")]
            let bulk = try await gzip(#"{"docs":[{"_id":"a","n":1}]}"#)
            let path = "\(stage.path)/_bulk_docs"
            let written = try await stage.administrator.send("POST", path, bytes: bulk, headers: packed)
            #expect(written.status == 201, "\(written.json)")
            #expect(try await stage.administrator.get("\(stage.path)/a").json["n"] == 1)
            let broken = try await stage.administrator.send("POST", path, bytes: bulk.dropLast(4) + [], headers: packed)
            #expect(broken.status == 400)
            #expect(broken.reason == "Request body is not properly gzipped.")
            let other = [("Content-Type", "application/json"), ("Content-Encoding", "deflate")]
            let refused = try await stage.administrator.send("POST", path, bytes: bulk, headers: other)
            #expect(refused.status == 415)
            #expect(refused.reason == "deflate is not a supported content encoding.")
            let bomb = try await gzip(#"{"docs":[],"x":"\#(String(repeating: "x", count: 70 << 20))"}"#)
            let large = try await stage.administrator.send("POST", path, bytes: bomb, headers: packed)
            #expect(large.status == 413)
        }

        @Test func `a POST stands for another method where it says so`() async throws {
            let stage = try await Stage.make("override")
            let rev = try await stage.put("a")
            func header(_ method: String) -> [(String, String)] { [("X-HTTP-Method-Override", method)] }
            try await stage.expect(stage.administrator, "POST", "/a", headers: header("GET"), 200)
            try await stage.expect(stage.administrator, "POST", "/b", "{}", headers: header("PUT"), 201)
            try await stage.expect(stage.administrator, "POST", "/a?rev=\(rev)", headers: header("DELETE"), 200)
            try await stage.expect(stage.administrator, "GET", "/a", 404, "not_found", "deleted")
            try await stage.expect(stage.user, "POST", "", headers: header("DELETE"), 403, "forbidden")
            // Only a POST does, and only for methods that there are.
            try await stage.expect(stage.administrator, "GET", "/b", headers: header("DELETE"), 200)
            try await stage.expect(stage.administrator, "POST", "/_changes", "{}", headers: header("FLY"), 200)
        }

        private func form(_ fields: [(head: String, content: String)]) -> [UInt8] {
            let parts = fields.map { "--x\r\nContent-Disposition: form-data; \($0.head)\r\n\r\n\($0.content)\r\n" }
            return Array((parts.joined() + "--x--\r\n").utf8)
        }

        @Test func `a form brings attachments to a document, or makes one with them`() async throws {
            let system = try await RunningSystem.shared
            let stage = try await Stage.make("form")
            let headers = [
                ("Content-Type", "multipart/form-data; boundary=x"), ("Referer", "\(system.http)/_utils/document.html"),
            ]
            func post(_ id: String, _ fields: [(head: String, content: String)]) async throws -> Client.Answer {
                let path = "\(stage.path)/\(id)"
                return try await stage.administrator.send("POST", path, bytes: form(fields), headers: headers)
            }
            let rev = try await stage.put("a", ["n": 1, "_attachments": ["old.txt": ["data": "aGVsbG8="]]])
            let added = try await post(
                "a",
                [
                    ("name=\"_rev\"", rev),
                    ("name=\"_attachments\"; filename=\"new.txt\"\r\nContent-Type: text/plain", "world"),
                    ("name=\"_attachments\"; filename=\"\"", ""),
                ]
            )
            #expect(added.status == 201, "\(added.json)")
            let document = try await stage.administrator.get("\(stage.path)/a").json
            #expect(document["_rev"] == added.json["rev"] && document["n"] == 1)
            #expect(document["_attachments"]?.objectValue?.count == 2)
            #expect(document["_attachments"]?["new.txt"]?["content_type"] == "text/plain")
            let content = try await stage.administrator.send("GET", "\(stage.path)/a/new.txt", bytes: nil)
            #expect(content.bytes == Array("world".utf8))
            let made = try await post(
                "b",
                [("name=\"_doc\"", #"{"n":2}"#), ("name=\"_attachments\"; filename=\"f\"", "x")]
            )
            #expect(made.status == 201, "\(made.json)")
            #expect(try await stage.administrator.get("\(stage.path)/b").json["n"] == 2)
            #expect(try await post("a", [("name=\"_rev\"", rev)]).status == 409)
            #expect(try await post("a", [("name=\"other\"", "x")]).reason == "Invalid rev format")
        }

        @Test func `a form of a page of another site is refused`() async throws {
            let stage = try await Stage.make("form")
            let type = ("Content-Type", "multipart/form-data; boundary=x")
            let fields = form([("name=\"_doc\"", "{}")])
            for headers in [[type], [type, ("Referer", "https://evil.example/")], [type, ("Referer", "nonsense")]] {
                let path = "\(stage.path)/a"
                let answer = try await stage.administrator.send("POST", path, bytes: fields, headers: headers)
                #expect(answer.status == 400)
                #expect(answer.reason?.hasPrefix("Referer header") == true)
            }
            let plain = [("Content-Type", "application/json"), ("Referer", try await RunningSystem.shared.http + "/")]
            let answer = try await stage.administrator.send("POST", "\(stage.path)/a", bytes: fields, headers: plain)
            #expect(answer.status == 415)
        }
    }
}
