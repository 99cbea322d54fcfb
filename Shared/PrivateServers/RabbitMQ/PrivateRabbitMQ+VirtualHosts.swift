extension PrivateRabbitMQ {
    /// Makes a virtual host that the server's user may do everything in.
    ///
    /// - Parameter name: letters, digits and hyphens.
    package func createVirtualHost(_ name: String) async throws(PrivateServerError) {
        try await evaluate(
            """
            ok = rabbit_vhost:add(<<"\(name)">>, <<"\(user)">>),
            ok = rabbit_auth_backend_internal:set_permissions(
                <<"\(user)">>, <<"\(name)">>, <<".*">>, <<".*">>, <<".*">>, <<"\(user)">>).
            """
        )
    }

    /// Deletes a virtual host with all that is in it.
    package func deleteVirtualHost(_ name: String) async throws(PrivateServerError) {
        try await evaluate("ok = rabbit_vhost:delete(<<\"\(name)\">>, <<\"\(user)\">>).")
    }
}
