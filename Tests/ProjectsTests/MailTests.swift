import Foundation
import JSON
import Projects
import Sequences
import Testing

@Suite struct MailTests {
    private static let date = Date(timeIntervalSince1970: 1_795_734_367)

    private func mail(_ variables: JSONObject, limit: Int = 100_000) throws -> MailMessage {
        try MailMessage(
            variables,
            sender: MailAddress("Shop <shop@example.com>"),
            id: "k1",
            date: Self.date,
            limit: limit
        )
    }

    private func text(_ mail: MailMessage) -> String { String(decoding: mail.text, as: UTF8.self) }

    @Test(
        arguments: [
            ("ann@example.com", nil, "ann@example.com"), ("Ann Lee <ann@example.com>", "Ann Lee", "ann@example.com"),
            ("\"Lee, Ann\" <a.lee+x@sub.example.com>", "Lee, Ann", "a.lee+x@sub.example.com"),
            ("<ann@example.com>", nil, "ann@example.com"), ("Jörn <j@example.com>", "Jörn", "j@example.com"),
        ] as [(String, String?, String)]
    )
    func `addresses are read`(text: String, name: String?, address: String) {
        let found = MailAddress(text)
        #expect(found?.name == name && found?.address == address)
    }

    @Test(arguments: [
        "", "ann", "ann@", "@example.com", "a@b@c", "ann@example..com", "ann@.com", "a nn@example.com",
        "ann@example.com\r\nBcc: eve@example.com", "Ann\n <ann@example.com>", "jörn@example.com", "ann@exämple.com",
        "<ann@example.com", "ann@example.com>, <eve@example.com",
    ])
    func `what is no address is none`(text: String) {
        #expect(MailAddress(text) == nil)
    }

    @Test func `a plain mail has its headers, and its text in Base64`() throws {
        let mail = try mail(["to": ["ann@example.com", "Bob <bob@example.com>"], "subject": "Hello", "text": "a\nb"])
        #expect(
            text(mail) == """
                From: "Shop" <shop@example.com>\r
                To: ann@example.com,\r
                 "Bob" <bob@example.com>\r
                Subject: Hello\r
                Date: Thu, 26 Nov 2026 23:06:07 +0000\r
                Message-ID: <k1@example.com>\r
                MIME-Version: 1.0\r
                Content-Type: text/plain; charset=utf-8\r
                Content-Transfer-Encoding: base64\r
                \r
                YQ0KYg==\r

                """
        )
        #expect(mail.sender.address == "shop@example.com")
    }

    @Test func `everybody gets it once, and nobody sees who gets it besides`() throws {
        let mail = try mail([
            "to": "ann@example.com", "cc": ["bob@example.com", "ANN@example.com"], "bcc": ["eve@example.com"],
            "text": "x", "from": "clerk@example.com",
        ])
        #expect(mail.recipients.map(\.address) == ["ann@example.com", "bob@example.com", "eve@example.com"])
        #expect(mail.sender.address == "clerk@example.com")
        #expect(!text(mail).contains("eve@"))
    }

    @Test func `other letters are encoded, in lines that are short enough`() throws {
        let subject = String(repeating: "Größe 𝄞 ", count: 30)
        let mail = try mail(["to": "Jörn <j@example.com>", "subject": .string(subject), "html": "<p>ß</p>"])
        let lines = text(mail).split(separator: "\r\n", omittingEmptySubsequences: false)
        #expect(lines.allSatisfy { $0.utf8.count <= 78 && $0.utf8.allSatisfy { $0 < 0x80 } })
        let words = text(mail).split(separator: "Subject: ")[1].split(separator: "\r\nDate").first ?? ""
        let decoded = words.split(separator: "\r\n ").map { word in
            String(decoding: Data(base64Encoded: String(word.dropFirst(10).dropLast(2))) ?? Data(), as: UTF8.self)
        }
        #expect(decoded.joined() == subject)
    }

    @Test func `text, HTML and attachments are parts`() throws {
        let mail = try mail([
            "to": "ann@example.com", "text": "t", "html": "<p>t</p>",
            "attachments": [
                ["name": "a.txt", "contentType": "text/plain", "text": "abc"], ["name": "ü \".bin", "base64": "AAEC"],
            ],
        ])
        let parts = text(mail).components(separatedBy: "--=_m_k1")
        #expect(parts.count == 5 && parts[4] == "--\r\n")
        #expect(parts[1].contains("multipart/alternative; boundary=\"=_a_k1\""))
        #expect(parts[2].contains("Content-Disposition: attachment; filename=\"a.txt\"") && parts[2].contains("YWJj"))
        #expect(parts[3].contains("filename*=utf-8''%C3%BC%20%22.bin") && parts[3].contains("AAEC"))
    }

    @Test(
        arguments: [
            ["text": "x"], ["to": "ann@example.com"], ["to": "ann", "text": "x"], ["to": [1], "text": "x"],
            ["to": "a@b.c", "text": "x", "subject": "a\r\nBcc: eve@example.com"],
            ["to": "a@b.c", "text": "x", "headers": ["Bcc": "eve@example.com"]],
            ["to": "a@b.c", "text": "x", "headers": ["X-A\r\nBcc": "eve@example.com"]],
            ["to": "a@b.c", "text": "x", "headers": ["X-A": "b\nBcc: eve@example.com"]],
            ["to": "a@b.c", "text": "x", "attachments": [["name": "a\r\nX: y", "text": "b"]]],
            ["to": "a@b.c", "text": "x", "attachments": [["name": "a", "contentType": "a/b\r\nX: y", "text": "b"]]],
            ["to": "a@b.c", "text": "x", "attachments": [["name": "a", "base64": "?"]]],
            ["to": "a@b.c", "text": "x", "attachments": [["name": "a"]]],
        ] as [JSONObject]
    )
    func `what is no mail is refused, and nothing smuggles a header in`(variables: JSONObject) {
        #expect(throws: SequenceFailure.self) { try mail(variables) }
    }

    @Test func `a mail has a limit, and needs a sender`() throws {
        let long: JSONObject = ["to": "a@b.c", "text": .string(String(repeating: "x", count: 10_000))]
        #expect(throws: SequenceFailure.self) { try mail(long, limit: 9_000) }
        #expect(throws: SequenceFailure.self) {
            try MailMessage(["to": "a@b.c", "text": "x"], sender: nil, id: "k", date: Self.date, limit: 10_000)
        }
    }
}
