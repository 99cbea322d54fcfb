import ServiceRuntime

@main enum Main {
    static func main() async {
        await ServiceProcess.run(.backEndConnector) { try await Composition.compose($0) }
    }
}
