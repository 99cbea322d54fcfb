import ArgumentParser

/// `fullsync deploy`: makes a project live.
struct DeployCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deploy",
        abstract: "Makes a project live on the running system, on all of its services at once.",
        discussion: AdministeredEndpoint.discussion
    )

    @Argument(help: "The project's directory.", completion: .directory)
    var directory: String

    func run() async throws {
        try await reportingFailure {
            let endpoint = try AdministeredEndpoint()
            let answer = try await Deployment.deploy(
                directory: directory,
                to: endpoint.address,
                credentials: endpoint.credentials
            )
            Console().print(answer)
        }
    }
}
