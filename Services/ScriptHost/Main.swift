import Glibc
import ScriptHosting

/// A child process that runs JavaScript for a service, over the channel that is its standard input.
@main
enum Main {
    static func main() {
        guard confine() else { exit(HostExit.failedStart.rawValue) }
        let host = Host(channel: HostChannel(adopting: STDIN_FILENO))
        exit(host.run().rawValue)
    }
}
