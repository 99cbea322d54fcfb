import ArgumentParser
import AsyncHTTPClient
import NIOCore
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
            var request = HTTPClientRequest(url: "\(endpoint.address)/_fullsync/incarnations")
            request.method = .POST
            request.headers.add(name: "Authorization", value: endpoint.credentials.authorization)
            request.headers.add(name: "Content-Type", value: "application/json")
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
            guard response.status == .ok else {
                let answer = String(buffer: try await response.body.collect(upTo: 1 << 20))
                throw DemoFailure("the endpoint refused it: \(answer)")
            }
            Console().print("all databases have a new incarnation")
        }
    }
}
