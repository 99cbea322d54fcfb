extension PrivateRabbitMQ {
    /// Makes a virtual host that the server's user may do everything in; one that is there already is left as it is.
    ///
    /// - Parameter name: letters, digits and hyphens.
    package func createVirtualHost(_ name: String) async throws(PrivateServerError) {
        try await evaluate(
            """
            Known = rabbit_vhost:exists(<<"\(name)">>),
            ok = if Known -> ok; true -> rabbit_vhost:add(<<"\(name)">>, <<"\(user)">>) end,
            ok = rabbit_auth_backend_internal:set_permissions(
                <<"\(user)">>, <<"\(name)">>, <<".*">>, <<".*">>, <<".*">>, <<"\(user)">>).
            """
        )
    }
}
