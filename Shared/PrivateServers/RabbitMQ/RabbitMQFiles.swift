import Foundation

/// What a private RabbitMQ reads and writes: everything in its own directory, nothing of the machine's.
struct RabbitMQFiles: Sendable {
    let directory: ServerDirectory
    /// The name of its one user.
    let user: String
    let tls: TLSFiles?

    var passwordFile: String { directory.path + "/password" }

    /// Writes what the server reads at its start, for these ports.
    func prepare(port: Int, securePort: Int) throws(PrivateServerError) {
        try directory.make(directory.path)
        try directory.make(mnesia)
        try directory.make(logs)
        try directory.attempt("cannot write the configuration") {
            _ = try TextFile.secret(at: directory.path + "/.erlang.cookie", permissions: 0o400)
            try TextFile.replace(plugins, with: "[rabbitmq_consistent_hash_exchange].\n")
            try TextFile.replace(configuration, with: configuration(port: port) + secure(port: securePort))
        }
    }

    /// The environment of the start script.
    ///
    /// It has no `RABBITMQ_CONF_ENV_FILE` but an empty one, so that nothing in `/etc/rabbitmq` reaches a private
    /// server.
    ///
    /// `HOME` is where the cookie is. With `NOTIFY_SOCKET`, which comes later, the script becomes the server instead of
    /// watching over it.
    func environment(distributionPort: Int) -> [String: String] {
        [
            "HOME": directory.path,
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": Self.node,
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": directory.path + "/rabbitmq",
            "RABBITMQ_MNESIA_BASE": mnesia,
            "RABBITMQ_LOG_BASE": logs,
            "RABBITMQ_ENABLED_PLUGINS_FILE": plugins,
            "RABBITMQ_PID_FILE": directory.path + "/pid",
            "RABBITMQ_FEATURE_FLAGS_FILE": directory.path + "/feature_flags",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": Self.distribution(port: distributionPort),
        ]
    }

    /// Erlang's own network, without `epmd`: the node knows its port from its arguments, asks nobody, and leaves no
    /// name server behind.
    ///
    /// RabbitMQ wants a named node; the port is on loopback and behind the cookie.
    private static func distribution(port: Int) -> String {
        "-sname \(node) -start_epmd false -erl_epmd_port \(port) -kernel inet_dist_use_interface {127,0,0,1}"
    }

    /// The same for every private server: only `epmd` would tell two of them apart.
    private static let node = "fullsync@localhost"

    private var mnesia: String { directory.path + "/mnesia" }
    private var logs: String { directory.path + "/log" }
    private var plugins: String { directory.path + "/enabled_plugins" }
    private var configuration: String { directory.path + "/rabbitmq.conf" }

    /// The user here takes the place of `guest`, which is made only where no other default user is named.
    private func configuration(port: Int) throws -> String {
        """
        listeners.tcp.1 = 127.0.0.1:\(port)
        default_user = \(user)
        default_pass = \(try TextFile.secret(at: passwordFile))
        default_user_tags.administrator = true
        log.file = false
        log.console = true
        log.console.use_colors = off

        """
    }

    /// Those who connect are known by their password, not by certificates of their own.
    private func secure(port: Int) -> String {
        guard let tls else { return "" }
        return """
            listeners.ssl.1 = 127.0.0.1:\(port)
            ssl_options.cacertfile = \(tls.authority)
            ssl_options.certfile = \(tls.certificate)
            ssl_options.keyfile = \(tls.key)
            ssl_options.verify = verify_none

            """
    }
}
