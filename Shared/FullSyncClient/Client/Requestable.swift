import CouchProtocol

/// What a call asks for, as the reference's applications write it.
///
/// `fs://database.verb#marker` is for the local database (without a name for the default one), and
/// `project.sequence#marker` for the server. The marker changes nothing but to whom the response is told.
struct Requestable: Hashable {
    enum Target: Hashable {
        case database(String?, LocalVerb)
        case sequence(project: String?, String)
    }

    let target: Target

    init(parsing text: String) throws(CouchError) {
        let address = text.prefix { $0 != "#" }
        let prefix = "fs://"
        let path = address.hasPrefix(prefix) ? address.dropFirst(prefix.count) : address
        guard let dot = path.lastIndex(of: ".") else {
            throw .badRequest("`\(text)` is neither fs://database.verb nor project.sequence.")
        }
        let name = path[..<dot].isEmpty ? nil : String(path[..<dot])
        let last = String(path[path.index(after: dot)...])
        if address.hasPrefix(prefix) {
            guard let verb = LocalVerb(rawValue: last) else { throw .badRequest("fs:// has no verb `\(last)`.") }
            target = .database(name, verb)
        } else {
            guard !last.isEmpty else { throw .badRequest("`\(text)` names no sequence.") }
            target = .sequence(project: name, last)
        }
    }
}

/// What can be asked of a local database in a call.
enum LocalVerb: String, Hashable, CaseIterable {
    case get
    case post
    case delete
    case all
    case allLocal = "all_local"
    case view
    case find
    case explain
    case createIndex
    case getIndexes
    case deleteIndex
    case bulk
    case info
    case create
    case destroy
    case reset
    case sync
    case push = "replicate_push"
    case pull = "replicate_pull"
    case putAttachment = "put_attachment"
    case getAttachment = "get_attachment"
    case deleteAttachment = "delete_attachment"

    /// Whether a call of it can be repeated when its answer changes.
    var canBeLive: Bool {
        switch self {
        case .get, .all, .view, .find: true
        default: false
        }
    }
}
