import JSON
import Projects
import Testing

@Suite struct OpenAPITests {
    @Test func `the public sequences are described, with their variables`() throws {
        let project = try ShopProject.read([
            "sequences/find.yaml": """
            description: Finds orders.
            access: public
            authenticated: true
            variables:
              number: {type: string, required: true, description: The order's number.}
              states: {type: string, multi: true}
              token: {secret: true}
            steps: []
            """
        ])
        let document = JSONValue.object(
            OpenAPIDescription(of: project, version: 3, server: "http://host:5984").document
        )
        #expect(document["info"] == ["title": "shop", "version": "3", "description": "A shop."])
        #expect(document["servers"] == [["url": "http://host:5984"]])
        let names = try #require(document["paths"]?.objectValue?.names)
        #expect(names == ["find", "pull"].map { "/_fullsync/projects/shop/sequences/\($0)" })
        let find = try #require(document["paths"]?[names[0]]?["post"])
        #expect(find["summary"] == "Finds orders.")
        #expect(find["security"] == [["basic": []], ["session": []], ["token": []]])
        #expect(
            find["responses"]?.objectValue?.names == [
                "200", "400", "401", "403", "413", "429", "502", "503", "504",
            ]
        )
        let body = try #require(find["requestBody"])
        #expect(body["required"] == true)
        #expect(
            body["content"]?["application/json"]?["schema"] == [
                "type": "object", "additionalProperties": false, "required": ["number"],
                "properties": [
                    "number": ["type": "string", "description": "The order's number."],
                    "states": ["anyOf": [["type": "array", "items": ["type": "string"]], ["type": "string"]]],
                    "token": ["writeOnly": true],
                ],
            ]
        )
        let pull = try #require(document["paths"]?[names[1]]?["post"])
        #expect(pull["security"]?.arrayValue?.first == [:])
        #expect(
            pull["requestBody"]?["content"]?["application/json"]?["schema"]?["properties"]?["pages"] == [
                "type": "integer", "default": 1,
            ]
        )
    }
}
