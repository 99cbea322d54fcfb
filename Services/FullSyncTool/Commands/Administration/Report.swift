import ArgumentParser
import JSON

/// How a command shows what it found.
struct ReportOptions: ParsableArguments {
    @Flag(help: "Prints JSON, for programs, instead of a table.")
    var json = false

    /// Prints rows as a table, or the JSON that they were made of.
    func show(_ json: JSONValue, _ header: [String], _ rows: [[String]], none: String) {
        guard !self.json else { return Console().print(json.text) }
        Console().print(rows.isEmpty ? none : Table(header, rows).text)
    }

    /// Prints a sentence, or the JSON that says the same.
    func show(_ json: JSONValue, _ sentence: String) {
        Console().print(self.json ? json.text : sentence)
    }

    /// Runs a command's body; prints what fails, as JSON too where that is asked for, and ends with the code for it.
    func reporting(_ body: () async throws -> Void) async throws {
        try await reportingFailure {
            do {
                try await body()
            } catch let error where json && !(error is ExitCode) {
                Console().print(Self.json(of: error).text)
                throw error
            }
        }
    }

    /// A failure, for programs.
    private static func json(of error: any Error) -> JSONValue {
        switch error {
        case let error as WrongProject:
            [
                "error": "bad_project", "reason": .string(error.description), "problems": .array(error.problems),
            ]
        case let error as EndpointRefusal:
            ["error": .string(error.error ?? "failed"), "reason": .string(error.reason)]
        default: ["error": "failed", "reason": .string(text(of: error))]
        }
    }

    /// Has the endpoint do what is asked, and prints the sentence, or what it answers.
    func carryOut(_ request: AdministeredEndpoint.Request, _ sentence: String) async throws {
        try await reportingFailure {
            show(try await AdministeredEndpoint().change(request), sentence)
        }
    }
}

extension JSONValue {
    /// The value in a cell of a table or in a sentence: nothing for null, and the text itself of a string.
    var cell: String { isNull ? "" : (stringValue ?? text).printable }

    /// The cell of a member.
    func cell(_ name: String) -> String { self[name]?.cell ?? "" }

    /// Strings with commas between them.
    var cells: String { (arrayValue ?? []).map(\.cell).joined(separator: ", ") }
}
