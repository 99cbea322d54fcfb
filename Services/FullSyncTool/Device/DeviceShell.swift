import Foundation
import FullSyncClient
import JSON

/// The commands of a device in the terminal.
struct DeviceShell: Sendable {
    let client: FullSyncClient
    let database: String
    let console: Console

    private static let help = """
        sync | pull | push          brings over what has changed, once
        live                        keeps in step until the next command that syncs, or `stop`
        stop                        ends syncs
        get ID                      shows a document
        post JSON                   writes a document; `_id` and `_rev` as in CouchDB
        merge JSON                  writes members over those of a document
        delete ID                   deletes a document
        all [JSON]                  lists documents; parameters as of _all_docs
        view DESIGN/VIEW [JSON]     queries a view; parameters as of CouchDB's
        find JSON                   finds documents by a selector
        index FIELD…                makes an index for find
        attach ID NAME FILE         attaches a file to a document
        save ID NAME FILE           copies an attachment into a file
        info                        counts documents
        conflicts, refused, kept    lists what needs a decision
        takeback ID                 puts the server's document in the place of a refused edit
        call REQUESTABLE [JSON]     any call, such as fs://.all or project.sequence
        quit
        """

    /// Reads commands until there are none.
    func run() async {
        while let line = await Self.nextLine() {
            // The last word of a command may be JSON with spaces in it.
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard let verb = words.first else { continue }
            if verb == "quit" { return }
            do {
                console.print(try await perform([verb] + Self.arguments(words.dropFirst().first ?? "")))
            } catch {
                console.print("\(error)")
            }
        }
    }

    private static func nextLine() async -> String? {
        await withCheckedContinuation { continuation in
            let thread = Thread { continuation.resume(returning: readLine()) }
            thread.start()
        }
    }

    /// The words up to the first that begins JSON, and the rest as one.
    private static func arguments(_ text: String) -> [String] {
        guard let brace = text.firstIndex(of: "{") else {
            return text.split(separator: " ").map(String.init)
        }
        return text[..<brace].split(separator: " ").map(String.init) + [String(text[brace...])]
    }

    /// Carries a command out.
    ///
    /// - Returns: What is to be printed.
    func perform(_ words: [String]) async throws -> String {
        var rest = words.dropFirst()
        func next(_ name: String) throws -> String {
            guard let word = rest.popFirst() else { throw DeviceFailure("\(words[0]) needs \(name); see `help`") }
            return word
        }
        func parameters() throws -> JSONObject {
            guard let text = rest.popFirst() else { return [:] }
            guard let object = (try? JSONValue(parsing: text))?.objectValue else {
                throw DeviceFailure("`\(text)` is no JSON object")
            }
            return object
        }
        func call(_ verb: String, _ parameters: JSONObject) async throws -> String {
            Self.shown(try await client.call("fs://\(database).\(verb)", parameters))
        }
        switch words[0] {
        case "help": return Self.help
        case "sync": return try await sync(SyncOptions())
        case "pull": return try await sync(.pull)
        case "push": return try await sync(.push)
        case "live":
            _ = try await client.sync(database, .live)
            return "live"
        case "stop":
            await client.stop(database)
            return "stopped"
        case "get": return try await call("get", ["docid": .string(try next("an id")), "conflicts": true])
        case "post": return try await call("post", try document(parameters()))
        case "merge": return try await call("post", try document(parameters(), policy: "merge"))
        case "delete": return try await call("delete", ["docid": .string(try next("an id"))])
        case "view":
            let name = try next("a view")
            return try await call("view", JSONObject([("view", .string(name))]).merging(try parameters()))
        case "index": return try await call("createIndex", ["fields": .array(rest.map { .string($0) })])
        case "all", "find", "info": return try await call(words[0], try parameters())
        case "call":
            let requestable = try next("what to call")
            return Self.shown(try await client.call(requestable, try parameters()))
        case "attach", "save":
            return try await copy(words[0], try next("an id"), try next("a name"), try next("a file"))
        case "conflicts", "refused", "kept", "takeback": return try await decisions(words[0], rest.first)
        default: throw DeviceFailure("there is no command `\(words[0])`; see `help`")
        }
    }

    /// A document as `post` takes it: names with dots are names.
    private func document(_ members: JSONObject, policy: String = "none") -> JSONObject {
        members.merging(["_use_policy": .string(policy), "_use_subkey_separator": ""])
    }

    private func copy(_ verb: String, _ id: String, _ name: String, _ path: String) async throws -> String {
        let (database, file) = (try await client.database(database), URL(fileURLWithPath: path))
        if verb == "attach" {
            return try await database.putAttachment(name, from: file, to: id).revision
        }
        guard let type = try await database.copyAttachment(name, of: id, to: file) else {
            throw DeviceFailure("there is no attachment `\(name)` of `\(id)`")
        }
        return "\(path): \(type)"
    }

    private func decisions(_ verb: String, _ id: String?) async throws -> String {
        let local = try await client.database(database)
        switch verb {
        case "conflicts":
            return try await local.conflicts().map { conflict in
                conflict.revisions.map { JSONValue.object($0).text }.joined(separator: "\n")
            }.joined(separator: "\n\n")
        case "kept":
            return try await local.keptEdits().map { JSONValue.object($0.document).text }.joined(separator: "\n")
        case "takeback":
            guard let edit = try await local.refusedEdits().first(where: { $0.id == id }) else {
                throw DeviceFailure("there is no refused edit of `\(id ?? "")`")
            }
            return try await client.takeBack(edit, in: database) ? "taken back" : "it was edited again"
        default:
            return try await local.refusedEdits().map { "\($0.id) \($0.revision) \($0.error): \($0.reason)" }
                .joined(separator: "\n")
        }
    }

    private func sync(_ options: SyncOptions) async throws -> String {
        let sync = try await client.sync(database, options)
        for await progress in sync.progress { console.progress(Self.bar(progress)) }
        let result = try await sync.result
        return "pulled \(result.pulled), pushed \(result.pushed), refused \(result.refused), failed \(result.failed)"
    }

    /// One line that shows how far a sync has come.
    static func bar(_ progress: SyncProgress) -> String {
        let width = 30
        let filled = progress.percentage * width / 100
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        let state =
            switch progress.state {
            case .running: ""
            case .upToDate: " done"
            case .waiting(let pause, let reason): " again in \(pause.formatted()): \(reason)"
            case .needsLogin: " needs a login"
            case .suspended: " suspended"
            }
        return "\(progress.direction.rawValue) [\(bar)] \(progress.current)/\(progress.total)\(state)"
    }

    /// An answer as it is printed: rows one to a line.
    private static func shown(_ answer: JSONValue) -> String {
        guard let rows = (answer["rows"] ?? answer["docs"])?.arrayValue else { return answer.text }
        return rows.map(\.text).joined(separator: "\n")
    }
}
