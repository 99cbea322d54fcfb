import CouchProtocol
import JSON
import Sequences

extension ProjectReader {
    /// Reads `databases/<name>/`.
    func readDatabase(_ name: String, files: ProjectLayout.DatabaseFiles) -> DatabaseDefinition? {
        guard let settings = files.settings else {
            problems.report(
                "the database '\(name)' has no database.yaml",
                at: start(of: files.anyFile),
                suggestion: "add databases/\(name)/database.yaml; it may be empty"
            )
            return nil
        }
        guard var members = members(of: settings, subject: "a database") else { return nil }
        let description = members.text("description")
        let anonymous: DatabaseDefinition.Anonymous = members.choice("anonymous", default: .deny)
        let publicWrites: DatabaseDefinition.PublicWrites = members.choice("publicWrites", default: .deny)
        let owner = readMemberName("ownerMember", of: &members, default: DatabaseDefinition.defaultOwnerMember)
        let groups = readMemberName("groupsMember", of: &members, default: DatabaseDefinition.defaultGroupsMember)
        let limit = members.integer(
            "revisionLimit",
            in: DocumentRules.revisionLimits,
            default: DatabaseDefinition.defaultRevisionLimit
        )
        let indexes = members.indexes()
        members.finish()
        if owner == groups {
            problems.report("'ownerMember' and 'groupsMember' must differ", at: members.position(of: "groupsMember"))
        }
        var designs: [String: JSONObject] = [:]
        var scripts: [ProjectScript] = []
        for (design, paths) in files.designs.sorted(by: { $0.key < $1.key }) {
            let folder = "databases/\(name)/design/\(design)"
            designs[design] = readDesignDocument(design, paths: paths, folder: folder)
            scripts += self.scripts(ofDesign: paths, folder: folder)
        }
        for index in indexes {
            if files.designs[index.design] != nil {
                problems.report(
                    "the design document '\(index.design)' has files of its own, and cannot have indexes",
                    at: index.position,
                    suggestion: "give the index another ddoc"
                )
                continue
            }
            do throws(CouchError) {
                designs[index.design] = try index.added(to: designs[index.design])
            } catch {
                problems.report("the index '\(index.name)' cannot be: \(error.reason)", at: index.position)
            }
        }
        return DatabaseDefinition(
            name: name,
            description: description,
            anonymous: anonymous,
            publicWrites: publicWrites,
            ownerMember: owner,
            groupsMember: groups,
            revisionLimit: limit,
            designDocuments: designs,
            scripts: scripts,
            position: start(of: settings)
        )
    }

    private func readMemberName(_ name: String, of members: inout SourceMembers, default standard: String) -> String {
        guard let text = members.text(name) else { return standard }
        guard !text.isEmpty, text.utf8.count <= 100, text.utf8.first != UInt8(ascii: "_") else {
            problems.report(
                "'\(name)' must be a member's name that does not begin with '_'",
                at: members.position(of: name)
            )
            return standard
        }
        return text
    }
}
