import Foundation
import JSON
import PrivateServers
import Settings

/// One more sequence worker of the system in `FULLSYNC_HOME`, for as long as something is measured.
enum AnotherWorker {
    private static let patience = Duration.seconds(60)

    static func running<Result>(_ body: () async throws -> Result) async throws -> Result {
        let settings = try ToolSettings()
        let home = Home(settings.home)
        let endpoints = try JSONValue(parsing: try TextFile.read(home.endpointsFile))
        guard let postgres = endpoints["postgres"]?.stringValue, let amqp = endpoints["amqp"]?.stringValue else {
            throw DemoFailure("\(home.endpointsFile) does not say where the servers are")
        }
        let demo = try DemoSystem()
        let environment = ServiceEnvironment(
            settings: settings,
            home: home,
            programs: try settings.programs,
            postgres: postgres,
            amqp: amqp
        )
        let symbols = ["ERP_URL": demo.erp, "ERP_TOKEN": demo.erpToken.reveal()]
        guard let worker = environment.services(symbols: symbols).first(where: { $0.name == "sequence-worker" }) else {
            throw DemoFailure("there is no sequence worker to start")
        }
        let part = ServicePart(
            ServiceDefinition(
                name: "sequence-worker-bench",
                executable: worker.executable,
                environment: worker.environment
            ),
            home: home,
            patience: patience
        )
        do {
            try await part.start()
            let result = try await body()
            await part.stop()
            return result
        } catch {
            await part.stop()
            throw error
        }
    }
}
