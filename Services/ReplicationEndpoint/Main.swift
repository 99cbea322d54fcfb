import ServiceRuntime

@main enum Main {
    static func main() async {
        await ServiceProcess.run(.replicationEndpoint) { try await Composition.compose($0) }
    }
}
