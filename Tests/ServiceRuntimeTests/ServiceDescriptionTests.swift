import Settings
import Testing

@testable import ServiceRuntime

@Suite struct ServiceDescriptionTests {
    private static let own = Setting(
        "scheduler.lookAhead",
        .duration(.zero ... .seconds(60)),
        default: .seconds(5),
        "Ahead."
    )
    private let description = ServiceDescription(
        name: "scheduler",
        summary: "Starts jobs.",
        needs: [.postgres, .amqp],
        settings: [own]
    )

    @Test func `help names every setting with its variable, key and default`() {
        let help = description.help
        #expect(help.hasPrefix("scheduler: Starts jobs."))
        for setting in description.declarations {
            #expect(help.contains("  \(setting.variable)"))
            #expect(help.contains("\(setting.key): \(setting.expected)"))
        }
        #expect(help.contains("default 5s"))
        #expect(help.contains("FULLSYNC_POSTGRES_URL or FULLSYNC_POSTGRES_URL_FILE"))
    }

    @Test func `no two settings share a variable`() {
        let variables = description.declarations.map(\.variable)
        #expect(Set(variables).count == variables.count)
    }

    @Test(
        arguments: [
            ([], .run), (["--help"], .help), (["--version"], .version), (["--check"], .check),
            (["--nope"], .unknown("--nope")),
        ] as [([String], ServiceArguments)]
    )
    func `a command line asks for one thing`(arguments: [String], expected: ServiceArguments) {
        #expect(ServiceArguments(arguments) == expected)
    }
}
