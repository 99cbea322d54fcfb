import Spawning

/// A program to start as a child process.
package struct Command: Sendable {
    /// Where the child's standard output and standard error go.
    package enum Output: Sendable {
        case discarded
        /// Appended to the file at this path, which is made readable by its owner alone when it does not exist.
        case appended(to: String)
    }

    /// The program's path.
    package var executable: String
    package var arguments: [String]
    /// The whole environment of the child; nothing is inherited.
    package var environment: [String: String]
    /// The child's working directory.
    package var directory: String
    package var output: Output
    /// What the kernel sends the child when this process dies, however it dies; nil leaves the child alive.
    package var signalWhenParentDies: Signal?
    /// The account that the child runs as; nil is the account of this process.
    package var account: Account?

    package init(
        _ executable: String,
        _ arguments: [String] = [],
        environment: [String: String] = [:],
        directory: String = "/",
        output: Output = .discarded,
        signalWhenParentDies: Signal? = .terminate,
        account: Account? = nil
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.output = output
        self.signalWhenParentDies = signalWhenParentDies
        self.account = account
    }

    /// How it is started.
    var spawn: Spawn {
        let stream: Spawn.Stream =
            switch output {
            case .discarded: .null
            case .appended(let path): .appended(to: path)
            }
        return Spawn(
            words[0],
            Array(words.dropFirst()),
            environment: environment.map { "\($0.key)=\($0.value)" },
            input: .null,
            output: stream,
            error: stream,
            leads: .session
        )
    }

    /// The words to execute: the program, behind those that set up what `posix_spawn` cannot.
    ///
    /// `env` changes the directory, `setpriv` the account and `PR_SET_PDEATHSIG`; each becomes the next, in the same
    /// process.
    private var words: [String] {
        var words = ["/usr/bin/env", "--chdir=\(directory)"]
        if signalWhenParentDies != nil || account != nil { words.append("/usr/bin/setpriv") }
        if let account {
            words += ["--reuid=\(account.user)", "--regid=\(account.group)", "--clear-groups"]
        }
        if let signalWhenParentDies {
            words += ["--pdeathsig=\(signalWhenParentDies.name)"]
        }
        return words + [executable] + arguments
    }
}
