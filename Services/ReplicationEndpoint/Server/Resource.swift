import CouchProtocol
import Foundation
import JSON

/// What a request's path names.
///
/// Whatever is not here is answered 404, so nothing is reachable by accident.
enum Resource: Hashable, Sendable {
    case welcome
    case up
    case uuids
    case allDatabases
    case databasesInfo
    case activeTasks
    case membership
    case session
    case database(String)
    /// A resource of a database whose name begins with `_`, such as `_changes`.
    case databaseResource(String, DatabaseResource)
    case document(String, DocumentID)
    case attachment(String, DocumentID, name: String)
    case local(String, name: String)
    /// What nothing in a database can be called.
    case misnamed(Misnomer)
    /// A function of a design document.
    case designFunction(String, design: String, DesignFunction)
    /// `_compact/<design>` of a database.
    case compactDesign(String, name: String)
    /// `_index/<design>/<type>/<name>` of a database.
    case index(String, IndexResource.Target)
    /// `_design/<design>/_view/<name>` of a database.
    case view(String, ViewPath)
    /// `_design/<design>/_view/<name>/queries` of a database.
    case viewQueries(String, ViewPath)
    /// `_design/<design>/_info` of a database.
    case designInfo(String, design: String)
    /// `/_fullsync/databases/<database>`.
    case settings(String)
    /// `/_fullsync/incarnations`.
    case incarnations
    case projects
    case project(String)
    case projectVersions(String)
    case openAPI(project: String)
    case sequence(project: String, name: String)
    case runs
    case run(String)
    case operation(OperationPath)
    case users
    case user(String)
    case userGroups(String)
    case userSessions(String)
    case groups
    case groupMembers(String)
    case groupMember(group: String, user: String)
    case sessions
    case sessionOf(id: String)

    /// Whether it is a database or something in one.
    var isOfDatabase: Bool {
        switch self {
        case .database, .databaseResource, .document, .attachment, .local, .designFunction, .compactDesign, .index,
            .view, .viewQueries, .designInfo:
            true
        default: false
        }
    }

    /// The names that lead to a view.
    struct ViewPath: Hashable, Sendable {
        let design: String
        let view: String
    }

    /// A name that nothing can have.
    struct Misnomer: Hashable, Sendable {
        let database: String
        /// Why not: the answer to who would write it, and to who reads it, too, unless it is missing then.
        let error: CouchError
        let isMissing: Bool
    }

    /// The resources of a database.
    enum DatabaseResource: String, Hashable, Sendable, CaseIterable {
        case allDocuments = "_all_docs"
        case changes = "_changes"
        case allDocumentsQueries = "_all_docs/queries"
        case designDocuments = "_design_docs"
        case designDocumentsQueries = "_design_docs/queries"
        case localDocuments = "_local_docs"
        case bulkDocuments = "_bulk_docs"
        case bulkGet = "_bulk_get"
        case revisionsDifference = "_revs_diff"
        case missingRevisions = "_missing_revs"
        case ensureFullCommit = "_ensure_full_commit"
        case security = "_security"
        case revisionLimit = "_revs_limit"
        case purge = "_purge"
        case purgedInfos = "_purged_infos"
        case purgedInfosLimit = "_purged_infos_limit"
        case compact = "_compact"
        case viewCleanup = "_view_cleanup"
        case find = "_find"
        case explain = "_explain"
        case index = "_index"
        case indexBulkDelete = "_index/_bulk_delete"
    }

    /// The resource of a path as it stands in the request line, still percent-encoded.
    ///
    /// Each segment is decoded once, after the split: `%2F` is part of a name. Empty segments do not count, as some
    /// clients double their slashes. In a database, a name with U+0000 is nothing's: PostgreSQL's text cannot hold it.
    init?(path: String) {
        var segments: [String] = []
        for segment in path.utf8.split(separator: UInt8(ascii: "/")) {
            guard let decoded = Substring(segment).removingPercentEncoding else { return nil }
            segments.append(decoded)
        }
        guard let first = segments.first else {
            self = .welcome
            return
        }
        guard first.beginsExactly(with: "_") else {
            guard !segments.contains(where: { $0.utf8.contains(0) }),
                let resource = Self.inDatabase(first, Array(segments.dropFirst()))
            else { return nil }
            self = resource
            return
        }
        switch (first, segments.count) {
        case ("_up", 1): self = .up
        case ("_uuids", 1): self = .uuids
        case ("_all_dbs", 1): self = .allDatabases
        case ("_dbs_info", 1): self = .databasesInfo
        case ("_active_tasks", 1): self = .activeTasks
        case ("_membership", 1): self = .membership
        case ("_session", 1): self = .session
        case ("_fullsync", _):
            guard let resource = Self.inFullSync(Array(segments.dropFirst())) else { return nil }
            self = resource
        default: return nil
        }
    }

    private static func inDatabase(_ database: String, _ segments: [String]) -> Resource? {
        guard let first = segments.first else { return .database(database) }
        if let name = first.rest(behind: "_design/"), !name.isEmpty {
            // Some clients escape the slash. (CouchDB redirects them.)
            return inDatabase(database, ["_design", name] + segments.dropFirst())
        }
        if first == "_local" || first == "_local/", let error = misnamedLocal(first, segments.count) {
            return .misnamed(Misnomer(database: database, error: error, isMissing: false))
        }
        if first == "_local", segments.count == 2 { return .local(database, name: segments[1]) }
        if first == "_compact", segments.count == 2 { return .compactDesign(database, name: segments[1]) }
        if first == "_design", segments.count == 2 {
            return (try? DocumentID.design(named: "_design/" + segments[1])).map { .document(database, $0) }
        }
        if first == "_design", segments.count > 2, let function = DesignFunction(Array(segments.dropFirst(2))) {
            return .designFunction(database, design: segments[1], function)
        }
        if first.beginsExactly(with: "_"), let resource = DatabaseResource(rawValue: segments.joined(separator: "/")) {
            return .databaseResource(database, resource)
        }
        if first == "_index" { return index(of: database, Array(segments.dropFirst())) }
        if first == "_design", let resource = ofDesign(database, segments) { return resource }
        guard segments.count == 1 else { return attachment(of: database, segments) }
        do throws(CouchError) {
            let id = try DocumentID(first)
            return id.localName.map { .local(database, name: $0) } ?? .document(database, id)
        } catch {
            return .misnamed(Misnomer(database: database, error: error, isMissing: true))
        }
    }

    private static func misnamedLocal(_ first: String, _ count: Int) -> CouchError? {
        switch (first, count) {
        case ("_local", 2): nil
        case ("_local", 1), ("_local/", 1): .badRequest("Invalid _local document id.")
        default: .badRequest("_local documents do not accept attachments.")
        }
    }

    /// An index by the names of its design document, with `_design/` or without, its type and itself.
    private static func index(of database: String, _ segments: [String]) -> Resource? {
        let names = segments.count == 4 && segments[0] == "_design" ? Array(segments.dropFirst()) : segments
        guard names.count == 3 else { return nil }
        return .index(database, IndexResource.Target(design: names[0], type: names[1], name: names[2]))
    }

    /// What begins with `_` behind a design document.
    private static func ofDesign(_ database: String, _ segments: [String]) -> Resource? {
        switch (segments.count > 2 ? segments[2] : "", segments.count) {
        case ("_view", 4): .view(database, ViewPath(design: segments[1], view: segments[3]))
        case ("_view", 5) where segments[4] == "queries":
            .viewQueries(database, ViewPath(design: segments[1], view: segments[3]))
        case ("_info", 3): .designInfo(database, design: segments[1])
        default: nil
        }
    }

    /// The attachment that the segments behind a database's name; slashes of its name may stand as they are.
    private static func attachment(of database: String, _ segments: [String]) -> Resource? {
        var rest = segments[...]
        guard let first = rest.popFirst() else { return nil }
        let text = first == "_design" ? rest.popFirst().map { "_design/" + $0 } : first
        guard let text, let id = try? DocumentID(text), !id.isLocal, let name = rest.first else { return nil }
        // What begins with `_` behind a design document is a resource of its own.
        guard !id.isDesign || !name.beginsExactly(with: "_") else { return nil }
        return .attachment(database, id, name: rest.joined(separator: "/"))
    }

    private static func inFullSync(_ segments: [String]) -> Resource? {
        switch (segments.first, segments.count) {
        case ("databases", 2): .settings(segments[1])
        case ("incarnations", 1): .incarnations
        case ("projects", 1): .projects
        case ("projects", 2): .project(segments[1])
        case ("projects", 3) where segments[2] == "versions": .projectVersions(segments[1])
        case ("projects", 3) where segments[2] == "openapi.json": .openAPI(project: segments[1])
        case ("projects", 4) where segments[2] == "sequences":
            .sequence(project: segments[1], name: segments[3])
        case ("runs", 1): .runs
        case ("runs", 2): .run(segments[1])
        case ("users", _), ("groups", _), ("sessions", _): inAccess(segments)
        default: OperationPath(segments).map { .operation($0) }
        }
    }

    /// Users, groups and sessions.
    private static func inAccess(_ segments: [String]) -> Resource? {
        switch (segments[0], segments.count) {
        case ("users", 1): .users
        case ("users", 2): .user(segments[1])
        case ("users", 3) where segments[2] == "groups": .userGroups(segments[1])
        case ("users", 3) where segments[2] == "sessions": .userSessions(segments[1])
        case ("groups", 1): .groups
        case ("groups", 3) where segments[2] == "members": .groupMembers(segments[1])
        case ("groups", 4) where segments[2] == "members": .groupMember(group: segments[1], user: segments[3])
        case ("sessions", 1): .sessions
        case ("sessions", 2): .sessionOf(id: segments[1])
        default: nil
        }
    }
}
