import Crypto
import Foundation
import FullSyncClient
import JSON
import Testing

/// What a fleet is compared with: everything that the server has, read document by document.
extension DeviceFleet {
    /// The present revisions of a document, by their names, without what the server alone knows.
    typealias Leaves = [String: String]

    /// A leaf as it is compared: its members in one order, and its attachments by what their digests say.
    ///
    /// Its tags are the server's to set when it takes an edit.
    private func shown(_ document: JSONObject) -> String {
        var members = document
        for name in ["_rev", "_revisions", "_attachments", "~owner", "~groups"] { members[name] = nil }
        let attachments = (document["_attachments"]?.objectValue ?? [:]).map { name, attachment in
            let digest = files[name].map { "md5-" + Data(Insecure.MD5.hash(data: $0)).base64EncodedString() }
            let isRight = digest != nil && attachment["digest"]?.stringValue == digest
            return "\(name) \(isRight ? "is right" : "is not what was attached: \(attachment.text)")"
        }
        let text = String(decoding: JSONValue.object(members).canonicalBytes, as: UTF8.self)
        return ([text] + attachments.sorted()).joined(separator: ", ")
    }

    private func leaves(_ documents: [JSONObject]) -> Leaves {
        let present = documents.filter { $0["_deleted"] != true }
        return Dictionary(present.map { ($0["_rev"]?.stringValue ?? "", shown($0)) }) { first, second in
            Issue.record("one revision is there twice: \(first); \(second)")
            return first
        }
    }

    private func documents(_ id: String, for reader: Client) async throws -> [JSONObject] {
        let answer = try await reader.send(
            "GET",
            "\(stage.path)/\(id)?open_revs=all",
            headers: [("Accept", "application/json")]
        )
        guard answer.status == 200 else { return [] }
        return (answer.json.arrayValue ?? []).compactMap { $0["ok"]?.objectValue }
    }

    /// Each user sees those leaves that are untagged, the user's own, or of a group that the user is in.
    func expectRights() async throws {
        for user in users {
            let memberships = try await stage.administrator.get("/_fullsync/users/\(user)/groups").json["groups"]
            let groups = Set(try #require(memberships?.arrayValue).compactMap(\.stringValue))
            let reader = try await Client(RunningSystem.shared.http).login(user, "canary-pw")
            for id in ids {
                let readable = try await documents(id, for: stage.administrator).filter { document in
                    let (owner, tags) = (document["~owner"]?.stringValue, document["~groups"]?.arrayValue ?? [])
                    return owner == nil && tags.isEmpty || owner == user
                        || !groups.isDisjoint(with: tags.compactMap(\.stringValue))
                }
                // One that was taken away and came back has another name for this user alone.
                let seen = leaves(try await documents(id, for: reader))
                #expect(seen.values.sorted() == leaves(readable).values.sorted(), "\(id) as \(user) sees it")
            }
        }
    }

    /// Who knows of these revisions, for whoever reads why they are not where they should be.
    private func origins(of id: String, _ revisions: Set<String>) async throws -> String {
        var lines: [String] = []
        for revision in revisions {
            let authors = logs.flatMap(\.edits).filter { $0.revision == revision && $0.id == id }.map(\.device)
            let tree = try await documents(id, for: stage.administrator).map { JSONValue.object($0).text }
            let known = try await stage.administrator.get("\(stage.path)/\(id)?rev=\(revision)&revs=true").json.text
            lines.append("\(revision) by \(authors), published: \(published.contains(revision)), \(known), \(tree)")
        }
        return lines.joined(separator: "; ")
    }

    /// What the server has of attachments is what was attached.
    func expectFiles() async throws {
        for id in ids {
            let document = try await stage.administrator.get("\(stage.path)/\(id)").json
            for (name, _) in document["_attachments"]?.objectValue ?? [:] {
                let answer = try await stage.administrator.get("\(stage.path)/\(id)/\(name)")
                #expect(Data(answer.bytes) == files[name], "\(name) of \(id)")
            }
        }
    }

    /// Each device has what the server shows its user, in the place of what a refused edit follows that edit, and
    /// nothing else.
    func expectEqual(_ databases: [FullSyncDatabase]) async throws {
        for (place, database) in databases.enumerated() {
            let reader = try await Client(RunningSystem.shared.http).login(devices[place].user, "canary-pw")
            let refused = Set(try await database.refusedEdits().map(\.revision))
            var options = GetOptions()
            options.includesHistory = true
            for id in ids {
                let present = try await database.leaves(of: id, options)
                let served = try await documents(id, for: reader)
                var expected = leaves(served)
                for edit in present where refused.contains(edit["_rev"]?.stringValue ?? "") {
                    for revision in edit.history { expected[revision] = nil }
                    expected.merge(leaves([edit])) { $1 }
                }
                let found = leaves(present)
                let stray = found == expected ? "" : try await origins(of: id, Set(found.keys).union(expected.keys))
                #expect(found == expected, "\(id) on device \(place), refused \(refused): \(stray)")
                for document in served where published.contains(document["_rev"]?.stringValue ?? "") {
                    guard let own = present.first(where: { $0["_rev"] == document["_rev"] }) else { continue }
                    #expect(own.tags == document.tags, "\(id) on device \(place)")
                }
                for name in files.keys {
                    // What the present revision has, byte for byte.
                    guard let found = try await database.attachment(name, of: id) else { continue }
                    #expect(found.content == files[name], "\(name) of \(id) on device \(place)")
                }
            }
            let all = try await database.all().map(\.key)
            #expect(Set(all).isSubset(of: Set(ids)), "device \(place)")
        }
    }

    /// The server knows each edit that a device has told of, or the device tells what became of it.
    func expectNoLoss(_ databases: [FullSyncDatabase]) async throws {
        let edits = logs.flatMap(\.edits)
        let asked = Dictionary(grouping: edits, by: \.id).map { id, edits in
            (id, JSONValue.array(edits.map { .string($0.revision) }))
        }
        let answer = try await stage.administrator.send("POST", "\(stage.path)/_revs_diff", .object(JSONObject(asked)))
        var options = GetOptions()
        options.includesHistory = true
        for (place, database) in databases.enumerated() {
            let refused = try await database.refusedEdits()
            var kept = Set(try await database.keptEdits().flatMap(\.document.history))
            for edit in refused {
                let leaves = try await database.leaves(of: edit.id, options)
                let leaf = leaves.first { $0["_rev"]?.stringValue == edit.revision }
                #expect(leaf != nil, "\(edit.id) is listed on device \(place), and is not there")
                kept.formUnion(leaf?.history ?? [])
            }
            for edit in edits where edit.device == place && !givenUp(edit) {
                let missing = answer.json[edit.id]?["missing"]?.arrayValue ?? []
                let isOnServer = !missing.contains(.string(edit.revision))
                #expect(isOnServer || kept.contains(edit.revision), "\(edit.id) \(edit.revision) of device \(place)")
            }
        }
    }

    /// Whether the device was told to take the server's document instead.
    private func givenUp(_ edit: Edit) -> Bool {
        logs.contains { $0.device == edit.device && $0.givenUp.contains(edit.id) }
    }
}

extension JSONObject {
    fileprivate var tags: Set<JSONValue> { Set((self["~groups"]?.arrayValue ?? []) + [self["~owner"] ?? .null]) }

    /// The revision and those before it, as `_revisions` names them.
    fileprivate var history: [String] {
        guard let start = self["_revisions"]?["start"]?.intValue else { return [] }
        return (self["_revisions"]?["ids"]?.arrayValue ?? []).enumerated().map { place, hash in
            "\(start - place)-\(hash.stringValue ?? "")"
        }
    }
}
