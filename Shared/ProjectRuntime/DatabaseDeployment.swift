import CouchProtocol
package import DocumentStore
import JSON
package import Projects

/// Makes databases of the store be what a project declares.
package struct DatabaseDeployment: Sendable {
    private let store: DocumentStore

    package init(_ store: DocumentStore) {
        self.store = store
    }

    /// Makes the database, or gives the one that is there these settings, and writes its design documents.
    package func prepare(_ definition: DatabaseDefinition, by caller: Caller) async throws {
        let settings = DatabaseSettings(definition)
        if try await !store.createDatabase(definition.name, settings: settings) {
            try await store.configureDatabase(definition.name, settings)
        }
        try await writeDesignDocuments(of: definition, to: try await store.database(definition.name), by: caller)
    }

    /// Writes those of the project's design documents that are not there as they should be.
    package func writeDesignDocuments(
        of definition: DatabaseDefinition,
        to database: Database,
        by caller: Caller
    ) async throws {
        let documents = definition.designDocuments.map { name, members -> JSONObject in
            var document = members
            document["_id"] = .string(DocumentID.design(name).text)
            return document
        }
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
