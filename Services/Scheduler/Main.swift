import ServiceRuntime

@main enum Main {
    static func main() async {
        await ServiceProcess.run(.scheduler) { try await Composition.compose($0) }
    }
}
