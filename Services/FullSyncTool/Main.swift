import ArgumentParser

/// `fullsync`: the operator's and the project author's command line.
@main enum Main {
    static func main() async {
        await FullSyncCommand.main()
    }
}
