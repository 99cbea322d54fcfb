import ControlStore
import CouchProtocol
import DocumentStore
import JSON
import Sequences

/// Documents written by policy.
extension FullSyncTransactions {
    func postDocument(_ variables: JSONObject, _ target: Target) async throws -> JSONValue {
        let document = variables["document"]?.objectValue ?? [:]
        return try Self.single(try await write([document], variables, target))
    }

    func postBulkDocuments(_ variables: JSONObject, _ target: Target) async throws -> JSONValue {
        let template = BulkTemplate(
            base: variables["base"]?.objectValue ?? [:],
            members: variables["members"]?.objectValue ?? [:]
        )
        let documents = try template.documents(over: try Self.objects(variables["documents"]?.arrayValue ?? []))
        return Self.summary(try await write(documents, variables, target).arrayValue ?? [])
    }

    private static func objects(_ documents: [JSONValue]) throws -> [JSONObject] {
        try documents.enumerated().map { index, document in
            guard let object = document.objectValue else {
                throw SequenceFailure(
                    code: .invalidValue,
                    message: "document \(index + 1) is no object but of type \(document.typeName)"
                )
            }
            return object
        }
    }

    private func write(
        _ documents: [JSONObject],
        _ variables: JSONObject,
        _ target: Target
    ) async throws -> JSONValue {
        let post = try post(documents, variables, target)
        if let rows = try await recorded(at: target.site) { return rows }
        let outcomes = try await store.post(
            post,
            to: target.database,
            by: target.caller,
            traceID: run.traceID,
            ledger: { record(.array($0.map(\.json)), at: target.site) },
            check: checkRecorded
        )
        return .array(outcomes.map(\.json))
    }

    private func post(_ documents: [JSONObject], _ variables: JSONObject, _ target: Target) throws -> DocumentPost {
        let name = variables["policy"]?.stringValue ?? "none"
        guard let policy = DocumentPost.Policy(rawValue: name) else {
            let names = DocumentPost.Policy.allCases.map(\.rawValue).joined(separator: ", ")
            throw SequenceFailure(code: .invalidValue, message: "'policy' must be one of \(names)")
        }
        return DocumentPost(
            documents: documents,
            policy: policy,
            ownership: try ownership(variables, at: target.site),
            onlyIfChanged: variables["onlyIfChanged"]?.boolValue ?? false,
            unlessChangedSince: try variables["unlessChangedSince"]?.stringValue.map { text in
                try Self.place(text, in: target.database)
            },
            mergeRules: try variables["mergeRules"]?.objectValue.map(MergeRule.rules) ?? []
        )
    }

    /// A place of the database's present life; one of an earlier life says nothing about this one's changes.
    private static func place(_ text: String, in database: Database) throws -> Int {
        guard let token = SequenceToken(parsing: text), token.incarnation == database.incarnation else {
            throw SequenceFailure(
                code: .invalidValue,
                message: "'unlessChangedSince' must be an update_seq that databaseInfo answered, of this database"
            )
        }
        return token.number
    }

    private func ownership(_ variables: JSONObject, at site: CallSite) throws -> DocumentPost.Ownership {
        let keepsGroups = variables["groups"] == "keep"
        let groups = try keepsGroups ? nil : Self.groups(variables["groups"])
        let owner: String?
        switch variables["owner"] {
        case nil, "user": owner = site.identity?.user
        case "anonymous": owner = nil
        case "keep":
            guard groups == nil || variables["groups"]?.isNull ?? true else {
                throw SequenceFailure(
                    code: .invalidValue,
                    message: "with 'owner: keep' the groups are those of each document; 'groups' must be 'keep'"
                )
            }
            return .asWritten
        case let named?:
            guard let name = named["name"]?.stringValue else {
                throw SequenceFailure(
                    code: .invalidValue,
                    message: "'owner' must be user, anonymous, keep, or an object with the name of the owner"
                )
            }
            owner = name
        }
        return keepsGroups ? .owner(owner) : .tags(Tags(owner: owner, groups: groups ?? []))
    }

    private static func groups(_ value: JSONValue?) throws -> [String] {
        guard let value, !value.isNull else { return [] }
        let names = value.arrayValue?.map(\.stringValue) ?? [nil]
        guard !names.contains(nil) else {
            throw SequenceFailure(code: .invalidValue, message: "'groups' must be a list of names, or 'keep'")
        }
        return names.compactMap(\.self)
    }

    private static func summary(_ rows: [JSONValue]) -> JSONValue {
        let written = rows.count { $0["written"] == true }
        let failed = rows.count { $0["error"] != nil }
        return [
            "results": .array(rows), "written": .number(JSONNumber(written)),
            "unchanged": .number(JSONNumber(rows.count - written - failed)), "failed": .number(JSONNumber(failed)),
        ]
    }
}
