package import JSON
import Sequences

/// What OpenAPI 3.1 says of a project's public sequences.
package struct OpenAPIDescription: Sendable {
    /// The JSON of the description.
    package let document: JSONObject

    /// - Parameters:
    ///   - version: The version that is live.
    ///   - server: The address of the endpoint.
    package init(of project: Project, version: Int, server: String) {
        var paths = JSONObject()
        for sequence in project.publicSequences {
            paths["/_fullsync/projects/\(project.name)/sequences/\(sequence.name)"] = [
                "post": .object(Self.operation(sequence))
            ]
        }
        var info: JSONObject = ["title": .string(project.name), "version": .string(String(version))]
        if let description = project.description { info["description"] = .string(description) }
        document = [
            "openapi": "3.1.0", "info": .object(info), "servers": [["url": .string(server)]],
            "paths": .object(paths),
            "components": [
                "schemas": ["Failure": Self.failure],
                "securitySchemes": [
                    "basic": ["type": "http", "scheme": "basic"],
                    "session": ["type": "apiKey", "in": "cookie", "name": "AuthSession"],
                    "token": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"],
                ],
            ],
        ]
    }

    private static func operation(_ sequence: SequenceDefinition) -> JSONObject {
        var operation: JSONObject = ["operationId": .string(sequence.name)]
        if let description = sequence.description { operation["summary"] = .string(description) }
        let required = sequence.variables.filter(\.isRequired)
        operation["requestBody"] = [
            "required": .bool(!required.isEmpty),
            "content": ["application/json": ["schema": .object(schema(of: sequence.variables))]],
        ]
        let any: JSONValue = ["application/json": ["schema": [:]], "application/xml": ["schema": [:]]]
        let failure: JSONValue = ["application/json": ["schema": ["$ref": "#/components/schemas/Failure"]]]
        let responses: JSONObject = [
            "200": [
                "description": "The answer.", "content": any,
                "headers": [
                    "X-FullSync-Run": ["description": "The run that answered.", "schema": ["type": "string"]]
                ],
            ],
            "400": ["description": "A variable is missing, misspelt or of another type.", "content": failure],
            "401": ["description": unauthorized(sequence), "content": failure],
            "403": ["description": forbidden(sequence), "content": failure],
            "413": ["description": "The request is too large.", "content": failure],
            "429": [
                "description": "The caller has too many calls under way, or has guessed passwords.",
                "content": failure,
            ],
            "502": ["description": "The sequence failed.", "content": failure],
            "503": [
                "description": "Nobody can answer at the moment; it may be tried again later.", "content": failure,
            ],
            "504": ["description": "The sequence's time was over.", "content": failure],
        ]
        let methods: JSONValue = [["basic": []], ["session": []], ["token": []]]
        if sequence.requiresAuthenticatedUser {
            operation["security"] = methods
        } else {
            // An empty requirement: nothing is needed.
            operation["security"] = .array([[:]] + (methods.arrayValue ?? []))
        }
        operation["responses"] = .object(responses)
        return operation
    }

    private static func unauthorized(_ sequence: SequenceDefinition) -> JSONValue {
        sequence.requiresAuthenticatedUser ? "Nobody is logged in." : "The credentials are wrong."
    }

    private static func forbidden(_ sequence: SequenceDefinition) -> JSONValue {
        sequence.requiresSecureConnection
            ? "The sequence refuses the caller, or is not called over TLS." : "The sequence refuses the caller."
    }

    /// The JSON Schema of the variables.
    private static func schema(of variables: [VariableDefinition]) -> JSONObject {
        var properties = JSONObject()
        for variable in variables { properties[variable.name] = .object(schema(of: variable)) }
        var schema: JSONObject = [
            "type": "object", "properties": .object(properties), "additionalProperties": false,
        ]
        let required = variables.filter(\.isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { schema["required"] = .array(required) }
        return schema
    }

    private static func schema(of variable: VariableDefinition) -> JSONObject {
        var schema: JSONObject = variable.type == .any ? [:] : ["type": .string(variable.type.rawValue)]
        // A single value stands for a list of one.
        if variable.isMulti {
            schema = ["anyOf": [.object(["type": "array", "items": .object(schema)]), .object(schema)]]
        }
        if let description = variable.description { schema["description"] = .string(description) }
        if let value = variable.defaultValue { schema["default"] = value }
        if variable.isSecret { schema["writeOnly"] = true }
        return schema
    }

    private static let failure: JSONValue = [
        "type": "object",
        "properties": [
            "error": ["type": "string", "description": "A word for programs."],
            "reason": ["type": "string", "description": "A sentence for people."],
            "details": ["description": "What else is known, with the sequence, the step and the line."],
            "run": ["type": "string", "description": "The run, for looking it up."],
        ],
        "required": ["error", "reason"],
    ]
}
