import ControlStore
import JSON
import Projects

/// What the version of a project that was deployed last has of design documents and a new one has not; without what
/// other live projects have.
struct DroppedDesigns: Sendable {
    /// By database and name.
    private(set) var documents: [String: [String: JSONObject]] = [:]
    /// The Mango indexes of documents that both versions have: by database and document, their names.
    private(set) var indexes: [String: [String: Set<String>]] = [:]

    var isEmpty: Bool { documents.isEmpty && indexes.isEmpty }

    /// The databases that they are in.
    var databases: Set<String> { Set(documents.keys).union(indexes.keys) }

    /// - Parameters:
    ///   - project: The new version.
    ///   - live: The live version of each project.
    ///   - lookup: The values of symbols. Design documents are compared with those that are there, so they have to be
    ///     read as they were written.
    init(
        by project: Project,
        live: [String: Int],
        _ control: ControlStore,
        symbol lookup: @Sendable (String) -> String?
    ) async throws {
        let last = try await control.lastVersion(of: project.name)
        let isNew = last?.digest != project.digest
        let files = isNew ? last?.files ?? [:] : [:]
        self.init(of: Project.designDocuments(in: files, symbol: lookup), by: project)
        guard !isEmpty else { return }
        for (name, version) in live where name != project.name {
            guard let other = try await control.project(name, version: version) else { continue }
            spare(Project.designDocuments(in: other.files, symbol: lookup))
        }
    }

    /// - Parameters:
    ///   - last: The design documents of the last version, by database and name.
    ///   - project: The new version.
    init(of last: [String: [String: JSONObject]], by project: Project) {
        for (database, designs) in last {
            let present = project.databases[database]?.designDocuments ?? [:]
            for (name, document) in designs {
                guard let kept = present[name] else {
                    documents[database, default: [:]][name] = document
                    continue
                }
                let gone = document.indexNames.subtracting(kept.indexNames)
                if !gone.isEmpty { indexes[database, default: [:]][name] = gone }
            }
        }
    }

    /// Leaves what another project has.
    mutating func spare(_ others: [String: [String: JSONObject]]) {
        for (database, designs) in others {
            for (name, document) in designs {
                documents[database]?[name] = nil
                indexes[database]?[name]?.subtract(document.indexNames)
            }
        }
        documents = documents.filter { !$0.value.isEmpty }
        indexes = indexes.mapValues { $0.filter { !$0.value.isEmpty } }.filter { !$0.value.isEmpty }
    }
}

extension JSONObject {
    /// The Mango indexes of a design document; none of one in another language.
    fileprivate var indexNames: Set<String> {
        guard self["language"] == "query" else { return [] }
        return Set((self["views"]?.objectValue ?? [:]).map { $0.0 })
    }
}
