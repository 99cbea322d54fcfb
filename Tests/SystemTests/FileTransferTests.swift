import CouchProtocol
import JSON
import NIOHTTP1
import TestBackEnd
import TestSupport
import Testing

extension SystemTests {
    /// Files between a back end and documents, both ways.
    @Suite(.timeLimit(.minutes(30))) struct FileTransferTests {
        private static func files(_ project: String, _ backEnd: BackEnd) -> JSONObject {
            [
                "project.yaml": .string("project: \(project)\n"),
                "databases/\(project)/database.yaml": "description: Photos and invoices.\n",
                "connectors/store.yaml": .string("type: fullsync\ndatabase: \(project)\n"),
                "connectors/files.yaml": .string(
                    """
                    type: http
                    baseUrl: \(backEnd.url)
                    addresses: [loopback]
                    transactions:
                      invoice: {path: "/invoices/{number}.pdf", answer: base64, responseLimit: 400000}
                      upload:
                        method: POST
                        path: /photos
                        idempotent: true
                        multipart:
                          of: "{id}"
                          photo: {base64: "{photo}", fileName: "{name}", contentType: "{type}"}
                    """
                ),
                "sequences/fetch.yaml": """
                access: public
                authenticated: true
                variables: {number: {type: string, required: true}}
                steps:
                  - try:
                      - callTransaction: files.invoice
                        with: {number: =number}
                        as: file
                      - callTransaction: store.putAttachment
                        with:
                          id: ="invoice-" + number
                          name: invoice.pdf
                          base64: =file.body
                          contentType: =file.headers['content-type']
                        as: put
                      - output: {rev: =put.rev}
                    catch:
                      - output: {code: =error.code}
                """,
                "sequences/send.yaml": """
                variables: {doc: {type: object, multi: true}}
                steps:
                  - forEach: doc
                    item: photo
                    do:
                      - forEach: Object.keys(photo._attachments ?? {}).sort()
                        item: name
                        do:
                          - callTransaction: store.getAttachment
                            with: {id: =photo._id, rev: =photo._rev, name: =name}
                            as: file
                          - callTransaction: files.upload
                            with: {id: =photo._id, photo: =file.base64, name: =name, type: =file.contentType}
                """,
                "listeners/photos.yaml": .string("database: \(project)\nselector: {type: photo}\nsequence: send\n"),
            ]
        }

        private static func deploy(_ backEnd: BackEnd) async throws -> (RunningSystem, project: String) {
            let system = try await RunningSystem.shared
            let project = uniqueID("files")
            let answer = try await system.administrator.send(
                "PUT",
                "/_fullsync/projects/\(project)",
                ["files": .object(files(project, backEnd))]
            )
            try #require(answer.status == 200, "\(answer.json)")
            return (system, project)
        }

        /// Every byte there is, and what could end a part.
        private static func content(_ count: Int) -> [UInt8] {
            let pattern = (0...255).map { UInt8($0) } + Array("\r\n--fullsync-".utf8)
            return (0..<count).map { pattern[$0 % pattern.count] }
        }

        @Test func `a download becomes an attachment of a document, and one that is too large does not`() async throws {
            let backEnd = try await BackEnd.start { request in
                let size = ["/invoices/7.pdf": 300_000, "/invoices/0.pdf": 0, "/invoices/8.pdf": 400_001]
                guard let size = size[request.target] else { return [.answer(404, "")] }
                return [.answer(200, bytes: Self.content(size), headers: ["Content-Type: application/pdf"])]
            }
            let (system, project) = try await Self.deploy(backEnd)
            let user = try await system.login(Cast.of(system).first)
            func fetch(_ number: String) async throws -> JSONValue {
                let path = "/_fullsync/projects/\(project)/sequences/fetch"
                return try await user.send("POST", path, ["number": .string(number)]).json
            }
            for (number, size) in [("7", 300_000), ("0", 0)] {
                #expect(try await fetch(number)["rev"]?.stringValue?.hasPrefix("1-") == true)
                let found = try await user.get("/\(project)/invoice-\(number)/invoice.pdf")
                #expect(found.status == 200 && found.bytes == Self.content(size))
                #expect(found.headers.first(name: "content-type") == "application/pdf")
            }
            #expect(try await fetch("8") == ["code": "response_too_large"])
            #expect(try await fetch("9") == ["code": "http_status"])
            #expect(try await user.get("/\(project)/invoice-8").status == 404)
            await backEnd.stop()
        }

        @Test func `what a device attaches is uploaded to the back end, byte by byte`() async throws {
            let backEnd = try await BackEnd.start { _ in [.answer(200, "{}")] }
            let (system, project) = try await Self.deploy(backEnd)
            let user = try await system.login(Cast.of(system).first)
            let (photo, note) = (Self.content(200_000), Array("grüße".utf8))
            func attachment(_ bytes: [UInt8], _ type: String) -> JSONValue {
                ["data": .string(Base64.encode(bytes)), "content_type": .string(type)]
            }
            let put = try await user.send(
                "PUT",
                "/\(project)/photo-1",
                [
                    "type": "photo",
                    "_attachments": [
                        "a.jpg": attachment(photo, "image/jpeg"), "b.txt": attachment(note, "text/plain"),
                    ],
                ]
            )
            try #require(put.status == 201, "\(put.json)")
            try await eventually("both are uploaded") {
                Set(backEnd.received.map(\.target)) == ["/photos"]
                    && backEnd.received.count >= 2
            }
            for (name, type, bytes) in [("a.jpg", "image/jpeg", photo), ("b.txt", "text/plain", note)] {
                let expected =
                    Array(
                        "name=\"photo\"; filename=\"\(name)\"\r\nContent-Type: \(type)\r\n\r\n".utf8
                    ) + bytes + Array("\r\n--".utf8)
                let found = backEnd.received.first { $0.bytes.firstRange(of: expected) != nil }
                #expect(found?.body.contains("name=\"of\"\r\n\r\nphoto-1\r\n") == true, "\(name)")
            }
            await backEnd.stop()
        }
    }
}
