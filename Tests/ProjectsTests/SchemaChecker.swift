import Foundation
import JSON

/// The keywords of JSON Schema that the format's schemas use.
struct SchemaChecker {
    let root: JSONValue

    func accepts(_ value: JSONValue) -> Bool { accepts(value, root) }

    private func accepts(_ value: JSONValue, _ schema: JSONValue) -> Bool {
        guard let schema = schema.objectValue else { return schema == true }
        if let path = schema["$ref"]?.stringValue, !accepts(value, definition(path)) { return false }
        if let all = schema["anyOf"]?.arrayValue, !all.contains(where: { accepts(value, $0) }) { return false }
        if let words = schema["enum"]?.arrayValue, !words.contains(value) { return false }
        if let only = schema["const"], only != value { return false }
        if let type = schema["type"], !(type.arrayValue ?? [type]).contains(where: { isOf($0.stringValue, value) }) {
            return false
        }
        switch value {
        case .string(let text):
            guard let pattern = schema["pattern"]?.stringValue else { return true }
            return text.range(of: pattern, options: .regularExpression) != nil
        case .number(let number):
            return number.double >= schema["minimum"]?.numberValue ?? -.infinity
                && number.double <= schema["maximum"]?.numberValue ?? .infinity
        case .array(let values):
            guard let items = schema["items"] else { return true }
            return values.allSatisfy { accepts($0, items) }
        case .object(let members): return accepts(members, schema)
        default: return true
        }
    }

    private func accepts(_ members: JSONObject, _ schema: JSONObject) -> Bool {
        let required = schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? []
        guard required.allSatisfy({ members[$0] != nil }) else { return false }
        return members.allSatisfy { name, value in
            accepts(value, schema["properties"]?[name] ?? schema["additionalProperties"] ?? true)
        }
    }

    private func definition(_ path: String) -> JSONValue {
        root["$defs"]?[String(path.dropFirst("#/$defs/".count))] ?? false
    }

    private func isOf(_ type: String?, _ value: JSONValue) -> Bool {
        type == value.typeName || type == "integer" && value.intValue != nil
    }
}

extension JSONValue {
    fileprivate var numberValue: Double? {
        guard case .number(let number) = self else { return nil }
        return number.double
    }
}
