import ArgumentParser

/// `fullsync demo`: the six steps, with two devices.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Plays the six steps of Full Sync with two devices, against the running system.",
        discussion: """
            It closes a work order on a technician's device, offline, sees it arrive in the back end and on the device \
            of a colleague and on no other, and a change in the back end arrive on a device. Ends with 1 when a step \
            does not happen. It can be played again and again.

            For a system that was not started from this home:
            \(DemoSystem.help)
            """
    )

    func run() async throws {
        try await reportingFailure {
            try await DemoPlay(stage: DemoStage(DemoSystem()), console: Console()).run()
        }
    }
}
