import ServiceRuntime
import Settings

/// What can be set of a replication endpoint.
enum EndpointSettings {
    static let host = Setting("host", .string, default: "127.0.0.1", "The address that clients connect to.")
    static let port = Setting("port", .int(0...65_535), default: 5_984, "The port that clients connect to.")
    static let adminUser = Setting("admin.user", .string, default: "admin", "The administrator's name.")
    static let adminPassword = Setting(required: "admin.password", .secret, "The administrator's password.")
    static let sessionDuration = Setting(
        "session.duration",
        .duration(.seconds(60) ... .seconds(31_536_000)),
        default: .seconds(86_400),
        "How long a session lasts after its login."
    )
    static let secureCookies = Setting(
        "session.secure",
        .bool,
        default: false,
        "Whether the session's cookie is sent over TLS only: set it when clients reach the endpoint through TLS."
    )
    static let loginTimeout = Setting(
        "login.timeout",
        .duration(.seconds(1) ... .seconds(600)),
        default: .seconds(30),
        "How long a login may take."
    )
    static let requestSize = Setting(
        "request.size",
        .bytes(1_024...1 << 30),
        default: 64 << 20,
        "The largest body of a request that is read whole."
    )

    static let all: [any SettingDeclaration] = [
        host, port, adminUser, adminPassword, sessionDuration, secureCookies, loginTimeout, requestSize,
    ] + AttachmentSettings.all
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
