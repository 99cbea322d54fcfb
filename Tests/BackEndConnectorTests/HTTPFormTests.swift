import Contracts
import Foundation
import JSON
import TestBackEnd
import Testing

@testable import BackEndConnector

/// What goes out and comes back in other forms than JSON.
@Suite struct HTTPFormTests {
    @Test func `XML goes out escaped and comes back as JSON`() async throws {
        let backEnd = try await BackEnd.start { request in
            [
                .answer(
                    200,
                    "<r><item id='1'>é</item><item id='2'/></r>",
                    headers: ["Content-Type: application/xml"]
                )
            ]
        }
        let project = try HTTPBackEndProject(
            backEnd.url,
            transactions: """
                tree:
                  method: POST
                  path: /
                  answer: xml
                  xml: {"s:Order": {"@xmlns:s": "urn:s", Number: "{number}", Line: "{lines}"}}
                text:
                  method: POST
                  path: /
                  answer: xml
                  contentType: text/xml
                  xml: "<a b='{number}'>{lines}</a>"
                """
        )
        let answer = try await project.call("tree", ["number": "<&>", "lines": [["@no": 1], ["@no": 2]]]).get()
        #expect(answer["body"] == ["r": ["item": [["@id": "1", "#text": "é"], ["@id": "2"]]]])
        let sent = try #require(backEnd.received.first)
        #expect(sent.headers["content-type"] == "application/xml; charset=utf-8")
        #expect(
            sent.body.hasSuffix(
                #"<s:Order xmlns:s="urn:s"><Number>&lt;&amp;&gt;</Number><Line no="1"/><Line no="2"/></s:Order>"#
            )
        )
        _ = try await project.call("text", ["number": "'/><x>", "lines": "]]>"]).get()
        #expect(backEnd.received.last?.body == "<a b='&apos;/&gt;&lt;x&gt;'>]]&gt;</a>")
        #expect(backEnd.received.last?.headers["content-type"] == "text/xml")
        let wrong = project.reason(of: await project.call("tree", ["number": "\u{1}", "lines": []]))
        #expect(wrong?.code == "invalid_value")
        await project.close()
        await backEnd.stop()
    }

    @Test func `a multipart body has texts and files`() async throws {
        let backEnd = try await BackEnd.start { _ in [.answer(200, "{}")] }
        let project = try HTTPBackEndProject(
            backEnd.url,
            transactions: """
                upload:
                  method: POST
                  path: /
                  multipart:
                    number: "{number}"
                    note: "{note}"
                    photo: {base64: "{photo}", fileName: "{number}.txt", contentType: text/plain}
                """
        )
        _ = try await project.call("upload", ["number": "5\"\r\n", "photo": "YQ0KLS1i"]).get()
        let sent = try #require(backEnd.received.first)
        let boundary = try #require(sent.headers["content-type"]?.split(separator: "boundary=").last)
        #expect(
            sent.body
                == "--\(boundary)\r\nContent-Disposition: form-data; name=\"number\"\r\n\r\n5\"\r\n\r\n"
                + "--\(boundary)\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"5%22%0D%0A.txt\"\r\n"
                + "Content-Type: text/plain\r\n\r\na\r\n--b\r\n--\(boundary)--\r\n"
        )
        let wrong = project.reason(of: await project.call("upload", ["number": "5", "photo": "a*b"]))
        #expect(wrong?.code == "invalid_value")
        await project.close()
        await backEnd.stop()
    }

    @Test func `bytes go out as they are, in a part or as the body, with the type that the variables say`()
        async throws
    {
        let backEnd = try await BackEnd.start { _ in [.answer(200, "{}")] }
        let project = try HTTPBackEndProject(
            backEnd.url,
            transactions: """
                part:
                  method: POST
                  path: /
                  multipart: {photo: {base64: "{photo}", fileName: a, contentType: "{type}"}}
                body: {method: PUT, path: /, base64: "{photo}", contentType: "{type}"}
                """
        )
        let bytes: [UInt8] = [0, 13, 10, 255, 45, 45]
        let photo = JSONValue.string(Data(bytes).base64EncodedString())
        _ = try await project.call("body", ["photo": photo, "type": "image/png"]).get()
        #expect(backEnd.received.last?.bytes == bytes)
        #expect(backEnd.received.last?.headers["content-type"] == "image/png")
        _ = try await project.call("body", ["photo": ""]).get()
        #expect(backEnd.received.last?.bytes == [])
        #expect(backEnd.received.last?.headers["content-type"] == "application/octet-stream")
        _ = try await project.call("part", ["photo": photo, "type": "image/png"]).get()
        let part = Array("filename=\"a\"\r\nContent-Type: image/png\r\n\r\n".utf8) + bytes + Array("\r\n--".utf8)
        #expect(backEnd.received.last?.bytes.firstRange(of: part) != nil)
        _ = try await project.call("part", ["photo": photo]).get()
        #expect(backEnd.received.last?.body.contains("filename=\"a\"\r\n\r\n") == true)
        // Neither ends the part's head.
        for name in ["part", "body"] {
            let wrong = await project.call(name, ["photo": photo, "type": "a\r\nX-Evil: 1"])
            #expect(project.reason(of: wrong)?.code == "invalid_value")
            let none = await project.call(name, ["photo": "a*b"])
            #expect(project.reason(of: none)?.code == "invalid_value")
        }
        #expect(backEnd.received.count == 4)
        await project.close()
        await backEnd.stop()
    }

    @Test func `a download is Base64, with a limit of its own, and one of nothing is an empty file`() async throws {
        let backEnd = try await BackEnd.start { $0.target == "/empty" ? [.answer(200, "")] : [.answer(200, "abc")] }
        let project = try HTTPBackEndProject(
            backEnd.url,
            transactions: """
                file: {path: /, answer: base64}
                short: {path: /, answer: base64, responseLimit: 2}
                empty: {path: /empty, answer: base64}
                """
        )
        #expect(try await project.call("empty").get()["body"] == "")
        #expect(try await project.call("file").get()["body"] == "YWJj")
        #expect(project.reason(of: await project.call("short"))?.code == "response_too_large")
        await project.close()
        await backEnd.stop()
    }

    @Test func `text is in its character set or refused`() async throws {
        let backEnd = try await BackEnd.start { request in
            let type = request.target == "/latin" ? "text/plain; charset=ISO-8859-1" : "text/plain"
            return [.answer(200, "é", headers: ["Content-Type: \(type)"])]
        }
        let project = try HTTPBackEndProject(
            backEnd.url,
            transactions: "latin: {path: /latin, answer: text}\nutf: {path: /utf, answer: text}"
        )
        #expect(try await project.call("latin").get()["body"] == "Ã©")
        #expect(try await project.call("utf").get()["body"] == "é")
        await project.close()
        await backEnd.stop()
    }

    @Test func `a document type and what is no XML are refused`() async throws {
        let backEnd = try await BackEnd.start { request in
            [.answer(200, request.target == "/a" ? "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///x'>]><a>&b;</a>" : "{}")]
        }
        let project = try HTTPBackEndProject(
            backEnd.url,
            transactions: "a: {path: /a, answer: xml}\nb: {path: /b, answer: xml}"
        )
        for name in ["a", "b"] { #expect(project.reason(of: await project.call(name))?.code == "not_xml") }
        await project.close()
        await backEnd.stop()
    }

    @Test func `endless answers and invalid UTF-8 are bounded and reported`() async throws {
        let endless = try await BackEnd.start { request in
            guard request.target == "/endless" else { return [.invalidText] }
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            // A gigabyte, if it is let.
            let piece = String(repeating: "x", count: 65_536)
            return [.send(head), .repeatedly("10000\r\n\(piece)\r\n", 16_384)]
        }
        let project = try HTTPBackEndProject(
            endless.url,
            settings: "responseLimit: 1000000",
            transactions: """
                endless: {path: /endless, answer: text}
                ignored: {path: /endless, answer: none}
                text: {path: /text, answer: text}
                json: {path: /json}
                xml: {path: /xml, answer: xml}
                """
        )
        #expect(project.reason(of: await project.call("endless"))?.code == "response_too_large")
        #expect(try await project.call("ignored").get()["body"] == .null)
        #expect(project.reason(of: await project.call("text"))?.code == "not_text")
        #expect(project.reason(of: await project.call("json"))?.code == "not_json")
        #expect(project.reason(of: await project.call("xml"))?.code == "not_xml")
        await project.close()
        await endless.stop()
    }
}
