import Glibc

/// Takes from this process what running scripts does not need; `false` when the system refuses.
///
/// Scripts have no way to any of it. This is for the day on which the engine has a fault.
func confine() -> Bool {
    // Standard output would otherwise be the channel, into which nothing but frames may go.
    guard dup2(STDERR_FILENO, STDOUT_FILENO) == STDOUT_FILENO else { return false }
    // Ctrl-C in a terminal is for the parent, which ends this process in its own time.
    signal(SIGINT, SIG_IGN)
    // A write to a file fails, but for the log it must not end the process.
    signal(SIGXFSZ, SIG_IGN)
    return limit(RLIMIT_CORE, to: 0) && limit(RLIMIT_FSIZE, to: 0) && limit(RLIMIT_NOFILE, to: 32)
}

private func limit(_ resource: __rlimit_resource, to value: rlim_t) -> Bool {
    var limit = rlimit(rlim_cur: value, rlim_max: value)
    return setrlimit(resource.asResource, &limit) == 0
}

extension __rlimit_resource {
    fileprivate var asResource: __rlimit_resource_t { __rlimit_resource_t(rawValue) }
}
