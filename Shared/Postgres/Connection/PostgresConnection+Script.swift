import CPostgres

extension PostgresConnection {
    /// Runs a script of any number of statements, without parameters and without their rows.
    ///
    /// Outside a transaction the script is one, unless it says otherwise itself.
    package func run(script: String) async throws(PostgresError) {
        try await interruptible { () throws(PostgresError) in
            try perform { handle throws(PostgresError) in
                try sendDeferredBegin(handle)
                try handle.leavePipeline()
                try handle.check(PQsendQuery(handle.connection, script))
                if try handle.drainResults().dropsStatements { forgetStatements() }
            }
        }
    }
}
