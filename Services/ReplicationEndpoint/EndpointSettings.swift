import ServiceRuntime
import Settings

/// What can be set of a replication endpoint.
enum EndpointSettings {
    static let host = Setting("host", .string, default: "127.0.0.1", "The address that clients connect to.")
    static let port = Setting("port", .int(0...65_535), default: 5_984, "The port that clients connect to.")
    static let requestSize = Setting(
        "request.size",
        .bytes(1_024...1 << 30),
        default: 64 << 20,
        "The largest body of a request that is read whole."
    )

    static let all: [any SettingDeclaration] =
        [host, port, requestSize] + AccessSettings.all + FeedSettings.all + AttachmentSettings.all
}

extension ServiceDescription {
    static let replicationEndpoint = ServiceDescription(
        name: "replication-endpoint",
        summary: """
            The CouchDB HTTP API: what devices replicate with, each user getting what that user may read. Any number \
            may run behind a load balancer.
            """,
        needs: [.postgres, .amqp],
        speaksHTTP: true,
        settings: EndpointSettings.all
    )
}
