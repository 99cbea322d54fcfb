package import JSON
import Sequences

/// The JSON Schemas (2020-12) of a project's files, by which editors complete and check while one types.
///
/// They are made of what the readers ask for, so there is no second list of members. They refuse unknown members and
/// values of other types; what several members say together only `fullsync check` knows.
package enum ProjectSchema: String, Sendable, CaseIterable {
    case project
    case connector
    case sequence
    case listener
    case job
    case test
    case database

    /// The schema.
    package var document: JSONObject {
        var document: JSONObject = [
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": .string("A Full Sync \(rawValue)"),
        ]
        let shapes = shapes
        if shapes.count == 1 {
            document = document.merging(Self.schema(of: shapes[0]))
        } else {
            document["anyOf"] = .array(shapes.map { .object(Self.schema(of: $0)) })
        }
        if self == .sequence { document["$defs"] = .object(Self.stepDefinitions) }
        return document
    }

    /// What is read of a file of this kind; several where a member decides what else there is.
    private var shapes: [SchemaProbe] {
        switch self {
        case .project:
            [
                Self.probe { reader, file in
                    if var members = reader.members(of: file, subject: "a project") { _ = reader.readMain(&members) }
                }
            ]
        case .connector:
            ConnectorType.allCases.map { type in
                Self.probe(presets: ["type": type.rawValue]) { reader, file in
                    _ = reader.readConnector("name", file: file)
                }
            }
        case .sequence: [Self.probe { reader, file in _ = reader.readSequence("name", file: file, project: "name") }]
        case .listener: [Self.probe { reader, file in _ = reader.readListener("name", file: file) }]
        case .job: [Self.probe { reader, file in _ = reader.readJob("name", file: file) }]
        case .test: [Self.probe { reader, file in _ = reader.readTests("name", file: file) }]
        case .database:
            [
                Self.probe { reader, file in
                    let files = ProjectLayout.DatabaseFiles(settings: file, anyFile: file)
                    _ = reader.readDatabase("name", files: files)
                }
            ]
        }
    }

    private static func probe(
        presets: [String: String] = [:],
        _ read: (ProjectReader, _ file: String) -> Void
    ) -> SchemaProbe {
        let probes = SchemaProbes()
        let reader = ProjectReader(files: [:], limits: ProjectLimits(), problems: ProblemCollector(probes: probes))
        let root = probes.probe(at: reader.start(of: "file"))
        root.presets = presets
        read(reader, "file")
        return root
    }

    // MARK: - Steps

    private static var stepDefinitions: JSONObject {
        [
            "steps": ["type": ["array", "null"], "items": ["$ref": "#/$defs/step"]],
            "step": ["anyOf": .array(StepCatalogue.all.map { .object(schema(ofStep: $0)) })],
        ]
    }

    private static func schema(ofStep kind: any StepAction.Type) -> JSONObject {
        let probes = SchemaProbes()
        let place = SourcePosition(file: "step", line: 1, column: 1)
        Step.probe(kind, at: place, problems: ProblemCollector(probes: probes))
        var schema = schema(of: probes.probe(at: place))
        schema["required"] = [.string(kind.keyword)]
        return schema
    }

    // MARK: - Shapes

    /// A text in which a symbol stands, which may have any type.
    private static let symbol: JSONValue = ["type": "string", "pattern": #"\$\{[A-Za-z0-9_$]+\}"#]
    private static let scalar: JSONValue = ["type": ["string", "number", "boolean", "null"]]

    private static func schema(of probe: SchemaProbe) -> JSONObject {
        var properties = JSONObject()
        for (name, member) in probe.members {
            properties[name] = probe.presets[name].map { ["const": .string($0)] } ?? value(of: member)
        }
        var schema: JSONObject = [
            "type": ["object", "null"], "properties": .object(properties), "additionalProperties": false,
        ]
        let required = probe.members.filter { $0.probe.isRequired || probe.presets[$0.name] != nil }.map(\.name)
        if !required.isEmpty { schema["required"] = .array(required.map(JSONValue.string)) }
        return schema
    }

    private static func value(of probe: SchemaProbe) -> JSONValue {
        switch probe.kind {
        // What is opened as a mapping may have a short form.
        case .any: probe.isObject ? ["anyOf": [.object(schema(of: probe)), scalar]] : [:]
        case .text, .expression: scalar
        case .flag(let standard): ["anyOf": [["type": ["boolean", "null"]], symbol], "default": .bool(standard)]
        case .integer(let range): integer(range)
        case .duration:
            ["anyOf": [["type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"], ["type": "null"], symbol]]
        case .choice(let words, let standard):
            [
                "anyOf": [["enum": .array(words.map(word) + [.null])], symbol],
                "default": word(standard),
            ]
        case .variable: ["type": ["string", "null"], "pattern": "^[A-Za-z_$][A-Za-z0-9_$]*$"]
        case .steps: ["$ref": "#/$defs/steps"]
        case .branches: ["type": "array", "items": ["$ref": "#/$defs/steps"]]
        case .list:
            ["anyOf": [["type": "array", "items": element(of: probe)], element(of: probe), ["type": "null"]]]
        case .mapping: ["type": ["object", "null"], "additionalProperties": element(of: probe)]
        }
    }

    private static func element(of probe: SchemaProbe) -> JSONValue { probe.element.map { value(of: $0) } ?? [:] }

    private static func integer(_ range: ClosedRange<Int>) -> JSONValue {
        let integer: JSONObject = [
            "type": ["integer", "null"], "minimum": .number(JSONNumber(range.lowerBound)),
            "maximum": .number(JSONNumber(range.upperBound)),
        ]
        return ["anyOf": [.object(integer), symbol]]
    }

    /// YAML takes `true` and `false` for booleans.
    private static func word(_ word: String) -> JSONValue {
        switch word {
        case "true": true
        case "false": false
        default: .string(word)
        }
    }
}
