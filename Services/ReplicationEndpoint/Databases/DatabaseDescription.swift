import CouchProtocol
import DocumentStore
import JSON

/// What `GET /<database>` and `_dbs_info` tell of a database.
struct DatabaseDescription: Sendable {
    let store: DocumentStore

    /// The figures, in CouchDB's shape; a caller who may not read everything learns none that tell of documents of
    /// others.
    func json(of database: Database, for caller: Caller) async throws -> JSONValue {
        let info = try await store.info(database)
        var counts = DocumentCounts(live: info.documents, deleted: info.deleted)
        var (updateSeq, purgeSeq) = (info.updateSeq, info.purgeSeq)
        var sizes = DatabaseSizes()
        if caller.feeds == nil {
            sizes = try await store.sizes(of: database, info)
        } else {
            counts = try await store.counts(in: database, for: caller)
            updateSeq = try await store.lastPlace(in: database, for: caller)
            purgeSeq = 0
        }
        var description: JSONObject = [
            "instance_start_time": .string(String(info.createdSecondsSince1970)),
            "db_name": .string(database.name),
            "purge_seq": database.token(FeedPosition(purgeSeq)).sequence.json,
            "update_seq": database.token(FeedPosition(updateSeq)).sequence.json,
            "sizes": [
                "file": .number(JSONNumber(sizes.file)), "external": .number(JSONNumber(sizes.external)),
                "active": .number(JSONNumber(sizes.active)),
            ],
            "props": [:],
            "doc_del_count": .number(JSONNumber(counts.deleted)),
            "doc_count": .number(JSONNumber(counts.live)),
            "disk_format_version": 8,
            "compact_running": .bool(caller.feeds == nil && info.isCompacting),
            "cluster": ["q": 1, "n": 1, "w": 1, "r": 1],
        ]
        // Our own: a device keeps apart what belongs to somebody, and must know how that is said.
        let names = TagNames(owner: database.settings.ownerMember, groups: database.settings.groupsMember)
        if names != TagNames() {
            description["tag_names"] = ["owner": .string(names.owner), "groups": .string(names.groups)]
        }
        return .object(description)
    }
}
