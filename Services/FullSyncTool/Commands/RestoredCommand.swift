import ArgumentParser
import NIOHTTP1

/// `fullsync restored`: says that the data is that of a backup.
struct RestoredCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restored",
        abstract: "Tells the running system that its PostgreSQL was restored from a backup.",
        discussion: """
            No device goes on from a checkpoint of before then. The system notices restores by itself that give
            PostgreSQL another timeline or make its tables anew; a snapshot of a disk that is put back does neither.

            \(AdministeredEndpoint.discussion)
            """
    )

    func run() async throws {
        try await reportingFailure {
            let endpoint = try AdministeredEndpoint()
            let type = (name: "Content-Type", value: "application/json")
            let path = ["_fullsync", "incarnations"]
            _ = try await endpoint.change(.init(method: .POST, path: path, headers: [type]))
            Console().print("all databases have a new incarnation")
        }
    }
}
