import Foundation
import JSON
import NIOHTTP1
import Testing

extension SystemTests {
    /// For documents of somebody else, every resource answers a user byte for byte as for ids that do not exist.
    @Suite(.timeLimit(.minutes(30))) struct LeakTests {
        /// The requests, with `ID` and `REV` in the place of the document's id and revision.
        private static let requests: [(String, String, String?)] = {
            let list = "%5B%22ID%22%5D"
            let reads = [
                "/ID", "/ID?rev=REV", "/ID?rev=REV&latest=true", "/ID?revs=true&revs_info=true", "/ID?meta=true",
                "/ID?deleted=true", "/ID?local_seq=true", "/ID?open_revs=all", "/ID?open_revs=%5B%22REV%22%5D",
                "/ID?open_revs=%5B%22REV%22%5D&latest=true", "/ID?attachments=true", "/ID?atts_since=%5B%22REV%22%5D",
                "/ID/file.txt", "/ID/file.txt?rev=REV", "/_all_docs?key=%22ID%22", "/_all_docs?keys=\(list)",
                "/_all_docs?keys=\(list)&include_docs=true&conflicts=true", "/_all_docs?startkey=%22ID%22&limit=1",
                "/_all_docs?endkey=%22ID%22&descending=true&limit=1&update_seq=true", "/_design_docs?keys=\(list)",
                "/_local/ID", "/_local_docs?keys=\(list)", "",
                "/_changes?limit=0", "/_changes?include_docs=true&style=all_docs&conflicts=true",
            ]
            let posts = [
                ("/_bulk_get", #"{"docs":[{"id":"ID"}]}"#), ("/_bulk_get", #"{"docs":[{"id":"ID","rev":"REV"}]}"#),
                ("/_bulk_get?latest=true&revs=true", #"{"docs":[{"id":"ID","rev":"REV","atts_since":["REV"]}]}"#),
                ("/_revs_diff", #"{"ID":["REV","9-x"]}"#), ("/_missing_revs", #"{"ID":["REV","9-x"]}"#),
                ("/_all_docs", #"{"keys":["ID"]}"#), ("/_all_docs/queries", #"{"queries":[{"keys":["ID"]},{}]}"#),
                ("/_local_docs", #"{"keys":["ID"]}"#),
            ]
            return reads.flatMap { [("GET", $0, nil), ("HEAD", $0, nil)] } + posts.map { ("POST", $0.0, $0.1) }
                + [
                    ("DELETE", "/ID", nil), ("DELETE", "/ID?rev=REV", nil), ("DELETE", "/ID?rev=1-x", nil),
                    ("DELETE", "/_local/ID", nil), ("COPY", "/ID", nil), ("COPY", "/ID?rev=REV", nil),
                ]
        }()

        @Test func `a document of another user is as one that does not exist`() async throws {
            let stage = try await Stage.make("leaks")
            try await stage.put("b-public")
            let (foreign, none) = ("c-foreign", "c-nothing")
            let first = try await stage.put(foreign, ["~owner": .string(stage.cast.stranger), "secret": 1])
            let second = try await stage.put(
                foreign,
                ["~owner": .string(stage.cast.stranger), "secret": 2],
                after: first
            )
            try await stage.graft(foreign, ["2-ff", first], ["~owner": .string(stage.cast.stranger)])
            try await stage.put("d-public")
            for revision in [first, second, "2-ff"] {
                for (method, resource, body) in Self.requests {
                    try await same(stage, method, resource, body, revision, foreign, none)
                }
            }
            #expect(try await stage.administrator.get("\(stage.path)/\(foreign)?conflicts=true").json["_rev"] != nil)
        }

        @Test func `a deleted document of another user, and a branch of one, are as ones that do not exist`()
            async throws
        {
            let stage = try await Stage.make("leaks")
            try await stage.put("b-public")
            let first = try await stage.put("c-foreign", ["~owner": .string(stage.cast.stranger)])
            let gone = try await stage.administrator.send("DELETE", "\(stage.path)/c-foreign?rev=\(first)")
            let tombstone = try #require(gone.json["rev"]?.stringValue)
            for (method, resource, body) in Self.requests {
                try await same(stage, method, resource, body, tombstone, "c-foreign", "c-nothing")
            }
            // Of a document that the user reads, a branch that the user does not.
            try await stage.graft("shared", ["2-aa", "1-aa"], ["~owner": .string(stage.cast.first)])
            let before = try await stage.user.get("\(stage.path)/shared?meta=true&revs=true")
            try await stage.graft("shared", ["3-bb", "2-bb", "1-aa"], ["~owner": .string(stage.cast.stranger)])
            #expect(try await stage.user.get("\(stage.path)/shared?meta=true&revs=true").bytes == before.bytes)
            for revision in ["3-bb", "2-bb"] {
                let read = try await stage.user.get("\(stage.path)/shared?rev=\(revision)")
                let made = try await stage.user.get("\(stage.path)/shared?rev=\(revision)x")
                #expect(read.status == made.status && read.bytes == made.bytes)
            }
        }

        /// A write to an id that is taken is refused, which cannot be hidden; it is refused like any other.
        @Test func `every write to a document of another user is refused alike`() async throws {
            let stage = try await Stage.make("leaks")
            let first = try await stage.put("foreign", ["~owner": .string(stage.cast.stranger)])
            try await stage.put("public")
            var refusals: Set<[UInt8]> = []
            for (resource, body) in [
                ("/foreign", "{}"), ("/foreign", #"{"_rev":"\#(first)"}"#), ("/foreign?rev=1-x", "{}"),
                ("/foreign?new_edits=false", #"{"_rev":"1-x"}"#), ("/public", "{}"), ("/_design/x", "{}"),
                ("/new", #"{"~groups":["nobody's"]}"#),
            ] {
                let answer = try await stage.user.send("PUT", stage.path + resource, text: body)
                #expect(answer.status == 403, "\(resource)")
                refusals.insert(answer.bytes)
            }
            let copy = try await stage.user.send(
                "COPY",
                "\(stage.path)/public",
                text: nil,
                headers: [("Destination", "foreign")]
            )
            refusals.insert(copy.bytes)
            #expect(refusals.count == 1)
        }

        private func same(
            _ stage: Stage,
            _ method: String,
            _ resource: String,
            _ body: String?,
            _ revision: String,
            _ foreign: String,
            _ none: String
        ) async throws {
            var answers: [String] = []
            for id in [foreign, none] {
                func filled(_ text: String) -> String {
                    text.replacing("ID", with: id).replacing("REV", with: revision)
                }
                let answer = try await stage.user.send(
                    method,
                    stage.path + filled(resource),
                    text: body.map(filled),
                    headers: method == "COPY" ? [("Destination", "copied")] : []
                )
                let headers = answer.headers.filter { !["date", "content-length"].contains($0.name.lowercased()) }
                    .map { "\($0.name): \($0.value)" }
                // An answer that is long in coming has line ends as signs of life.
                let text = String(decoding: answer.bytes, as: UTF8.self).replacing(id, with: "ID")
                    .replacing("\n", with: "")
                // The boundary between parts is made up anew each time.
                let boundary = answer.headers.first(name: "Content-Type").flatMap { type in
                    type.range(of: "boundary=").map { type[$0.upperBound...].trimmingCharacters(in: ["\""]) }
                }
                answers.append("\(answer.status) \(headers) \(text)".replacing(boundary ?? "\0", with: "BOUNDARY"))
            }
            #expect(answers[0] == answers[1], "\(method) \(resource) \(body ?? "")")
        }
    }
}
