import Foundation
import FullSyncClient
import JSON

/// The commands of a device in the terminal.
struct DeviceShell: Sendable {
    let client: FullSyncClient
    let database: String
    let console: Console
    /// Why the user could not be logged in, though the device knows who it is; that stays so as long as the shell.
    var offline: FullSyncError?

    /// What a command has come to.
    struct Answer: Sendable {
        /// For programs.
        let value: JSONValue
        /// For people.
        let text: String

        init(_ value: JSONValue, _ text: String) {
            (self.value, self.text) = (value, text)
        }
    }

    static let help = """
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
        compact                     makes the file as small as what it holds
        conflicts, refused, kept    lists what needs a decision
        takeback ID                 puts the server's document in the place of a refused edit
        call REQUESTABLE [JSON]     any call, such as fs://.all or project.sequence
        quit
        """

    /// Reads commands until there are none.
    ///
    /// - Parameter report: Whether it prints for people, or a line of JSON for each command.
    func run(_ report: ReportOptions) async {
        while let line = await Self.nextLine() {
            // The last word of a command may be JSON with spaces in it.
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard let verb = words.first else { continue }
            if verb == "quit" { return }
            do {
                show(try await perform([verb] + Self.arguments(words.dropFirst().first ?? "")), report)
            } catch {
                show(Answer(Self.shown(error), "\(error)"), report)
            }
        }
    }

    /// Prints what a command has come to.
    func show(_ answer: Answer, _ report: ReportOptions) {
        let text = answer.text.isEmpty && Console.isTerminal ? "Nothing was found." : answer.text
        console.print(report.json ? answer.value.text : text)
    }

    /// An error as a line for programs.
    private static func shown(_ error: any Error) -> JSONValue {
        guard let error = error as? FullSyncError else {
            return ["error": "failed", "reason": .string("\(error)")]
        }
        return ["error": .string(error.error), "reason": .string(error.reason)]
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
    /// - Throws: What kept the user from logging in, for a command that needs the server.
    func perform(_ words: [String]) async throws -> Answer {
        do {
            return try await carryOut(words)
        } catch let error as FullSyncError where error.error == "unauthorized" {
            // A key that is not the database's has the same status, and another name.
            throw offline ?? error
        }
    }

    private func carryOut(_ words: [String]) async throws -> Answer {
        var rest = words.dropFirst()
        func next(_ name: String) throws -> String {
            guard let word = rest.popFirst() else { throw Self.misuse("\(words[0]) needs \(name); see `help`") }
            return word
        }
        func parameters() throws -> JSONObject {
            guard let text = rest.popFirst() else { return [:] }
            guard let object = (try? JSONValue(parsing: text))?.objectValue else {
                throw Self.misuse("`\(text)` is no JSON object")
            }
            return object
        }
        func call(_ verb: String, _ parameters: JSONObject) async throws -> Answer {
            Self.shown(try await client.call("fs://\(database).\(verb)", parameters))
        }
        switch words[0] {
        case "help": return Answer(.string(Self.help), Self.help)
        case "sync": return try await sync(SyncOptions())
        case "pull": return try await sync(.pull)
        case "push": return try await sync(.push)
        case "live":
            _ = try await client.sync(database, .live)
            return Answer(["ok": true], "live")
        case "stop":
            await client.stop(database)
            return Answer(["ok": true], "stopped")
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
        case "compact":
            let isSmall = try await client.database(database).compact()
            return Answer(["ok": .bool(isSmall)], isSmall ? "compacted" : "in use; it gets smaller when it is closed")
        case "conflicts": return try await conflicts()
        case "refused": return try await refused()
        case "kept": return try await kept()
        case "takeback": return try await takeBack(try next("an id"))
        default: throw Self.misuse("there is no command `\(words[0])`; see `help`")
        }
    }

    private static func misuse(_ text: String) -> WrongArgument { WrongArgument(description: text) }

    /// A document as `post` takes it: names with dots are names.
    private func document(_ members: JSONObject, policy: String = "none") -> JSONObject {
        members.merging(["_use_policy": .string(policy), "_use_subkey_separator": ""])
    }

    private func copy(_ verb: String, _ id: String, _ name: String, _ path: String) async throws -> Answer {
        let (database, file) = (try await client.database(database), URL(fileURLWithPath: path))
        if verb == "attach" {
            let receipt = try await database.putAttachment(name, from: file, to: id)
            return Answer(["id": .string(receipt.id), "rev": .string(receipt.revision)], receipt.revision)
        }
        guard let type = try await database.copyAttachment(name, of: id, to: file) else {
            throw DeviceFailure("there is no attachment `\(name)` of `\(id)`")
        }
        return Answer(["file": .string(path), "content_type": .string(type)], "\(path): \(type)")
    }

    private func conflicts() async throws -> Answer {
        let conflicts = try await client.database(database).conflicts()
        let values = conflicts.map { $0.revisions.map(JSONValue.object) }
        return Answer(
            .array(values.map(JSONValue.array)),
            values.map { $0.map(\.text).joined(separator: "\n") }.joined(separator: "\n\n")
        )
    }

    private func refused() async throws -> Answer {
        let edits = try await client.database(database).refusedEdits()
        let values = edits.map { edit -> JSONValue in
            [
                "id": .string(edit.id), "rev": .string(edit.revision), "error": .string(edit.error),
                "reason": .string(edit.reason),
            ]
        }
        let lines = edits.map { "\($0.id) \($0.revision) \($0.error): \($0.reason)" }
        return Answer(.array(values), lines.joined(separator: "\n"))
    }

    private func kept() async throws -> Answer {
        let edits = try await client.database(database).keptEdits()
        let values = edits.map { edit -> JSONValue in
            let value: JSONObject = [
                "id": .string(edit.documentID), "rev": .string(edit.revision), "doc": .object(edit.document),
            ]
            return .object(edit.damage.map { value.merging(["damage": .string($0)]) } ?? value)
        }
        let lines = edits.map { edit in
            guard let damage = edit.damage else { return JSONValue.object(edit.document).text }
            return "\(edit.documentID) \(edit.revision) cannot be read: \(damage)"
        }
        return Answer(.array(values), lines.joined(separator: "\n"))
    }

    private func takeBack(_ id: String) async throws -> Answer {
        guard let edit = try await client.database(database).refusedEdits().first(where: { $0.id == id }) else {
            throw DeviceFailure("there is no refused edit of `\(id)`")
        }
        let isDone = try await client.takeBack(edit, in: database)
        return Answer(["taken_back": .bool(isDone)], isDone ? "taken back" : "it was edited again")
    }

    private func sync(_ options: SyncOptions) async throws -> Answer {
        let sync = try await client.sync(database, options)
        // What nobody has been told yet.
        var last: [String: String] = [:]
        for await progress in sync.progress {
            let line = Self.bar(progress)
            // Nobody watches how it fills where the output goes to a file; what it waits for is told at once.
            let isTold = Console.isTerminal || progress.isInterrupted
            if isTold { console.progress(line) }
            last[progress.direction.rawValue] = isTold ? nil : line
        }
        for (_, line) in last.sorted(by: { $0.key < $1.key }) { console.progress(line) }
        let result = try await sync.result
        let counts = [
            ("pulled", result.pulled), ("pushed", result.pushed), ("refused", result.refused),
            ("failed", result.failed),
        ]
        return Answer(
            .object(JSONObject(counts.map { ($0, .number(JSONNumber($1))) })),
            counts.map { "\($0) \($1)" }.joined(separator: ", ")
        )
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
    private static func shown(_ answer: JSONValue) -> Answer {
        guard let rows = (answer["rows"] ?? answer["docs"])?.arrayValue else { return Answer(answer, answer.text) }
        return Answer(answer, rows.map(\.text).joined(separator: "\n"))
    }
}

extension SyncProgress {
    /// Whether it goes on later, or when somebody does something.
    fileprivate var isInterrupted: Bool {
        switch state {
        case .running, .upToDate: false
        case .waiting, .needsLogin, .suspended: true
        }
    }
}
