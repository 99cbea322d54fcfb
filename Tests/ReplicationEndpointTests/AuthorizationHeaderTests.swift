import CouchProtocol
import Foundation
import HTTPTypes
import Testing

@testable import ReplicationEndpoint

@Suite struct AuthorizationHeaderTests {
    private func read(_ values: String...) throws -> AuthorizationHeader? {
        var headers: HTTPFields = [:]
        headers[values: .authorization] = values
        return try AuthorizationHeader.read(headers)
    }

    private func basic(_ text: String) -> String { "Basic \(Data(text.utf8).base64EncodedString())" }

    @Test func `a name goes up to the first colon, and the rest is the password`() throws {
        #expect(try read(basic("ann:secret")) == .basic(name: "ann", password: "secret"))
        #expect(try read(basic("ann:a:b:")) == .basic(name: "ann", password: "a:b:"))
        #expect(try read(basic("é:ü")) == .basic(name: "é", password: "ü"))
        #expect(try read(basic("ann:")) == .basic(name: "ann", password: ""))
        #expect(try read("bAsIc  \(Data("a:b".utf8).base64EncodedString())") == .basic(name: "a", password: "b"))
        #expect(try read("Bearer x.y.z") == .bearer("x.y.z"))
        #expect(try read() == nil)
    }

    @Test(arguments: [
        "", "Basic", "Basic ", "Basic !!!", "Basic \(Data("ann".utf8).base64EncodedString())", "Basic //79Og==",
        "Bearer", "Negotiate abc", "ann:secret", "Digest username=\"ann\"", String(repeating: "x", count: 20_000),
        "Bearer " + String(repeating: "x", count: 20_000),
    ])
    func `what is not understood is an error and nobody`(value: String) {
        #expect(throws: CouchError.self) { try read(value) }
    }

    @Test func `two of them are an error`() {
        #expect(throws: CouchError.self) { try read(basic("ann:secret"), "Bearer x.y.z") }
    }
}
