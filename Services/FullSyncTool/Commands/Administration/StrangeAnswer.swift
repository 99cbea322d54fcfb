import ArgumentParser
import JSON

/// Whoever answered said yes, and not what an endpoint says.
struct StrangeAnswer: Error, CustomStringConvertible, ErrorWithExitCode {
    let reason: String

    var description: String { "the answer is not that of a Full Sync endpoint: \(reason)" }
    var exitCode: ExitCode { FailureCode.strangeAnswer }
}

extension JSONValue {
    /// The members of what must be an object.
    var members: JSONObject {
        get throws {
            guard let members = objectValue else { throw StrangeAnswer(reason: "it is no object") }
            return members
        }
    }

    /// The elements of a member that must be a list.
    func list(_ name: String) throws -> [JSONValue] {
        guard let list = self[name]?.arrayValue else { throw StrangeAnswer(reason: "it has no list '\(name)'") }
        return list
    }

    /// The elements of a member that must be a list of objects.
    func objects(_ name: String) throws -> [JSONValue] {
        let list = try list(name)
        guard list.allSatisfy({ $0.objectValue != nil }) else {
            throw StrangeAnswer(reason: "not all of '\(name)' are objects")
        }
        return list
    }

    /// What must be a list of texts.
    var texts: [String] {
        get throws {
            guard let texts = arrayValue?.map(\.stringValue), !texts.contains(nil) else {
                throw StrangeAnswer(reason: "it is no list of texts")
            }
            return texts.compactMap(\.self)
        }
    }
}
