import CouchProtocol
import DocumentStore
import JSON
import ProjectRuntime
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
        "The largest body of a request that is read whole, and how much of a _bulk_docs may be in memory."
    )
    static let bulkBody = Setting(
        "request.bulk",
        .bytes(1_024...1 << 42),
        default: 4 << 30,
        "The largest body of a _bulk_docs, or of a document, with the attachments in it (CouchDB's "
            + "max_http_request_size)."
    )

    static let documentSize = Setting(
        "document.size",
        .bytes(1_024...1 << 28),
        default: 8_000_000,
        "The largest document, without its attachments."
    )
    static let documentDepth = Setting(
        "document.depth",
        .int(1...1_000),
        default: 512,
        "How deep the JSON of a request may be nested."
    )
    static let numberLength = Setting(
        "document.numbers",
        .int(32...1_000_000),
        default: 1_000,
        "How many characters a number in the JSON of a request may have."
    )
    static let ancestry = Setting(
        "document.ancestry",
        .int(1...10_000),
        default: 1_000,
        "How many revisions of a document's ancestry (_revisions) are read; older ones are left out."
    )
    static let bulkSize = Setting(
        "request.documents",
        .int(1...1_000_000),
        default: 10_000,
        "The most documents that a _bulk_docs or a _bulk_get names."
    )
    static let keyCount = Setting(
        "request.keys",
        .int(1...10_000_000),
        default: 100_000,
        "The most keys that a list of documents, or a _revs_diff, names."
    )
    static let addressSize = Setting(
        "request.address",
        .bytes(1_024...1 << 20),
        default: 64 << 10,
        "The longest address of a request."
    )

    static let all: [any SettingDeclaration] =
        [host, port, requestSize] + requestLimits + RequestSettings.all + AccessSettings.all + FeedSettings.all
        + AttachmentSettings.all + ConnectionSettings.all + CallSettings.all + scripts.all + WriteSettings.all

    /// How the functions of design documents are evaluated.
    static let scripts = ScriptHostSettings(hosts: 2)

    /// How much a request may ask.
    private static let requestLimits: [any SettingDeclaration] = [
        bulkBody, documentSize, documentDepth, numberLength, ancestry, bulkSize, keyCount, addressSize,
    ]
}

extension EndpointLimits {
    /// The limits as they are set.
    init(_ settings: SettingReader) throws {
        requestBody = try settings[EndpointSettings.requestSize]
        bulkBody = try settings[EndpointSettings.bulkBody]
        documents = try AttachmentSettings.rules(settings)
        documents.bodyLimit = try settings[EndpointSettings.documentSize]
        json.depth = try settings[EndpointSettings.documentDepth]
        json.numberLength = try settings[EndpointSettings.numberLength]
        documents.json = json
        documents.ancestryLimit = try settings[EndpointSettings.ancestry]
        documents.idLengthLimit = try settings[WriteSettings.idLength]
        bulkDocs = try settings[EndpointSettings.bulkSize]
        bulkGet = bulkDocs
        keys = try settings[EndpointSettings.keyCount]
        address = try settings[EndpointSettings.addressSize]
        try setRequests(settings)
    }
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
