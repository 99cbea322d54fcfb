import ArgumentParser
import Foundation
import JSON

/// `fullsync doctor`: whether all is well, and what to do where it is not.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Looks at this machine and at what runs, and says what is wrong and what helps.",
        discussion: """
            Ends with 0 when nothing is wrong, and with 1 otherwise; what is only worth a look does not count.

            \(AdministeredEndpoint.discussion)
            """
    )

    @OptionGroup var report: ReportOptions

    func run() async throws {
        try await reportingFailure {
            let settings = try ToolSettings()
            var findings = MachineExamination(settings: settings).findings
            findings += await SystemExamination(settings: settings).findings()
            report.show(
                ["findings": .array(findings.map(\.json))],
                ["", "what", "found", "what helps"],
                findings.map(\.row),
                none: ""
            )
            if findings.contains(where: { $0.state == .wrong }) { throw FailureCode.general }
        }
    }
}

/// Something that was looked at.
struct Finding: Sendable, Hashable {
    enum State: String, Sendable {
        case good = "ok"
        /// Not wrong in itself.
        case notable = "look"
        case wrong = "wrong"
    }

    let state: State
    let subject: String
    let found: String
    var help = ""

    var json: JSONValue {
        [
            "state": .string(state.rawValue), "what": .string(subject), "found": .string(found),
            "help": help.isEmpty ? .null : .string(help),
        ]
    }

    var row: [String] { [state.rawValue, subject, found, help] }
}
