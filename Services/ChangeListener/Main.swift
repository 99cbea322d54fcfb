import ServiceRuntime

@main enum Main {
    static func main() async {
        await ServiceProcess.run(.changeListener) { try await Composition.compose($0) }
    }
}
