import Settings

/// How much single kinds of requests may ask.
enum RequestSettings {
    private static let standard = EndpointLimits()

    static let purge = Setting(
        "request.purge",
        .int(1...1_000_000),
        default: standard.purge,
        "The most documents that a _purge names."
    )
    static let revisions = Setting(
        "request.revisions",
        .int(1...1_000_000),
        default: standard.revisions,
        "The most revisions of one document that a request names."
    )
    static let queries = Setting(
        "request.queries",
        .int(1...100_000),
        default: standard.queries,
        "The most queries of a request that has several."
    )
    static let infos = Setting(
        "request.infos",
        .int(1...100_000),
        default: standard.infos,
        "The most databases that a _dbs_info names (CouchDB's max_db_number_for_dbs_info_req)."
    )
    static let uuids = Setting(
        "request.uuids",
        .int(1...1_000_000),
        default: standard.uuids,
        "The most ids that _uuids makes at once."
    )
    static let findBody = Setting(
        "request.find",
        .bytes(1_024...1 << 30),
        default: standard.findBody,
        "The longest query of _find and _explain, and the longest definition of an index."
    )
    static let accessBody = Setting(
        "request.access",
        .bytes(1_024...1 << 24),
        default: standard.accessBody,
        "The largest body of a login, and of a request about users, groups and sessions."
    )
    static let userGroups = Setting(
        "request.groups",
        .int(1...100_000),
        default: standard.userGroups,
        "The most groups that a user of the built-in directory is put into."
    )

    static let all: [any SettingDeclaration] = [
        purge, revisions, queries, infos, uuids, findBody, accessBody, userGroups,
    ]
}

extension EndpointLimits {
    /// Takes over how much single kinds of requests may ask.
    mutating func setRequests(_ settings: SettingReader) throws {
        purge = try settings[RequestSettings.purge]
        revisions = try settings[RequestSettings.revisions]
        queries = try settings[RequestSettings.queries]
        infos = try settings[RequestSettings.infos]
        uuids = try settings[RequestSettings.uuids]
        findBody = try settings[RequestSettings.findBody]
        accessBody = try settings[RequestSettings.accessBody]
        userGroups = try settings[RequestSettings.userGroups]
    }
}
