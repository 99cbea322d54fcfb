import Glibc
import ServiceRuntime

@main enum Main {
    static func main() async {
        // When the processor is scarce, who waits for an answer comes before those who are told of it later.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 5)
        await ServiceProcess.run(.changeListener) { try await Composition.compose($0) }
    }
}
