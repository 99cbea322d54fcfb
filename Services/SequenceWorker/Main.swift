import ServiceRuntime

@main enum Main {
    static func main() async {
        await ServiceProcess.run(.sequenceWorker) { try await Composition.compose($0) }
    }
}
