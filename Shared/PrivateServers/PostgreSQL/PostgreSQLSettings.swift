/// How a private PostgreSQL is set: for a small machine, and for keeping what it acknowledged.
enum PostgreSQLSettings {
    /// The arguments of `postgres`, which stand above whatever the data directory's own file says.
    static func arguments(port: Int, durable: Bool) -> [String] {
        settings(port: port, durable: durable).flatMap { ["-c", "\($0.0)=\($0.1)"] }
    }

    private static func settings(port: Int, durable: Bool) -> [(String, String)] {
        [
            ("listen_addresses", "127.0.0.1"),
            ("port", String(port)),
            ("unix_socket_directories", ""),
            ("max_connections", "200"),
            ("password_encryption", "scram-sha-256"),

            // What is acknowledged survives a crash of the server, and of the machine too where that is wanted.
            ("fsync", durable ? "on" : "off"),
            ("synchronous_commit", "on"),
            ("full_page_writes", "on"),

            ("shared_buffers", "256MB"),
            ("work_mem", "8MB"),
            ("maintenance_work_mem", "64MB"),
            // Checkpoints come seldom, because after each of them every page is logged whole.
            ("max_wal_size", "2GB"),
            ("checkpoint_timeout", "15min"),
            ("random_page_cost", "1.1"),
            // Compiling costs more than the short statements of a document store take.
            ("jit", "off"),

            ("log_line_prefix", "%m [%p] "),
            ("log_timezone", "UTC"),
            ("timezone", "UTC"),
            // Statements and their parameters are people's data; they stay out of the log.
            ("log_min_error_statement", "panic"),
            ("log_error_verbosity", "terse"),
            ("log_parameter_max_length", "0"),
            ("log_parameter_max_length_on_error", "0"),
        ]
    }
}
