import ServiceRuntime

@main enum Main {
    static func main() async {
        await ServiceProcess.run(.erp, compose: compose)
    }
}
