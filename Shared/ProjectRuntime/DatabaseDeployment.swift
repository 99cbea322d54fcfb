import CouchProtocol
package import DocumentStore
package import JSON
package import Projects

/// Gives databases the design documents that a project declares.
package struct DatabaseDeployment: Sendable {
    private let store: DocumentStore

    package init(_ store: DocumentStore) {
        self.store = store
    }

    /// Writes those of the project's design documents that are not there as they should be.
    package func writeDesignDocuments(
        of definition: DatabaseDefinition,
        to database: Database,
        by caller: Caller
    ) async throws {
        let documents = DatabaseChange.documents(of: definition.designDocuments)
        guard !documents.isEmpty else { return }
        let post = DocumentPost(
            documents: documents,
            policy: .override,
            ownership: .tags(.none),
            onlyIfChanged: true
        )
        for case .refused(_, let error) in try await store.post(post, to: database, by: caller) { throw error }
    }
}

extension DatabaseChange {
    /// What a deployment makes of a database.
    ///
    /// - Parameters:
    ///   - definition: What the project declares; nil for a database that it declares no more.
    ///   - dropped: The design documents that it declared before and does no more, by name.
    ///   - indexes: The Mango indexes that it declared before in documents that it still declares, by document.
    package init(
        _ name: String,
        _ definition: DatabaseDefinition?,
        dropping dropped: [String: JSONObject],
        andIndexes indexes: [String: Set<String>]
    ) {
        self.init(
            name: name,
            settings: definition.map { DatabaseSettings($0) },
            designs: Self.documents(of: definition?.designDocuments ?? [:]),
            dropped: Self.documents(of: dropped),
            droppedIndexes: Dictionary(uniqueKeysWithValues: indexes.map { (DocumentID.design($0.key), $0.value) })
        )
    }

    /// Design documents by name as documents of a database.
    fileprivate static func documents(of designs: [String: JSONObject]) -> [JSONObject] {
        designs.sorted { $0.key < $1.key }.map { name, members in
            var document = members
            document["_id"] = .string(DocumentID.design(name).text)
            return document
        }
    }
}

extension DatabaseSettings {
    /// What a project says of a database.
    fileprivate init(_ definition: DatabaseDefinition) {
        self.init()
        anonymousRead = definition.anonymous == .read
        publicWrites = definition.publicWrites == .allow
        ownerMember = definition.ownerMember
        groupsMember = definition.groupsMember
        revisionLimit = definition.revisionLimit
    }
}
