import JSON
import Sequences
import Testing

@Suite struct XMLStepTests {
    private func result(_ step: JSONObject) async throws -> JSONValue {
        var step = step
        step["as"] = "made"
        return try await run([.object(step), ["output": ["made": "=made"]]]).value["made"] ?? .null
    }

    @Test func `a document is read and written`() async throws {
        let text: JSONValue = "<o:order xmlns:o='urn:o' id='7'><line>a</line></o:order>"
        #expect(try await result(["parseXML": text]) == ["order": ["@id": "7", "line": "a"]])
        #expect(try await result(["parseXML": text, "lists": ["line"]])["order"]?["line"] == ["a"])
        #expect(try await result(["parseXML": text, "namespaces": "keep"])["o:order"]?["@xmlns:o"] == "urn:o")
        let written = try await result(["writeXML": ["order": ["@id": 7, "line": ["a", "b&c"]]]])
        #expect(
            written
                == .string(
                    #"<?xml version="1.0" encoding="UTF-8"?><order id="7"><line>a</line><line>b&amp;c</line></order>"#
                )
        )
    }

    @Test func `what cannot be is a failure of the step`() async throws {
        let steps: [JSONObject] = [
            ["parseXML": "<a>"], ["parseXML": 1], ["writeXML": [1]], ["writeXML": ["a b": 1]],
        ]
        for step in steps {
            var step = step
            step["as"] = "made"
            #expect(try await failure(of: [.object(step)]).code == .invalidValue)
        }
    }
}
