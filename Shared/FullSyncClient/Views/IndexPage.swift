import Collation
import CouchProtocol
import Foundation
import GRDB
import JSON
import Mango
import ViewRules

/// What some changed documents come to in an index.
struct IndexPage: Sendable {
    /// A row as it is written.
    struct Row: Sendable {
        let view: Int64
        let key: [UInt8]
        let id: String
        let position: Int
        let json: Data
        let value: Data
    }

    /// The change up to which the index was before, and is afterwards.
    let from: Int
    var through: Int
    /// Whether there is nothing behind it.
    var isLast: Bool
    /// The documents that changed, whatever rows they have now.
    var ids: [String] = []
    var rows: [Row] = []

    /// How many documents are in a page, and about how many bytes their bodies may have.
    static let documents = 500
    static let bytes = 4 << 20
}

/// A document whose last change is new.
private struct ChangedDocument {
    let id: DocumentID
    /// As maps see it; nil when nothing of the document belongs in the index.
    let json: [UInt8]?
}

extension SQLiteReplica {
    /// The next page of an index, read and mapped; the work of a reader's thread.
    func indexPage(_ index: DeviceIndex, since: Int, through end: Int) async throws -> IndexPage {
        try await read { [rules, scripts = indexes.scripts] reader in
            var page = IndexPage(from: since, through: end, isLast: true)
            let documents = try reader.changed(&page, index.definition, rules)
            page.ids = documents.map(\.id.text)
            let visible = documents.filter { $0.json != nil }
            let bodies = visible.map { $0.json ?? [] }
            switch index.definition.source {
            case .functions(let functions):
                guard !visible.isEmpty else { break }
                let outcomes = try scripts.map(functions, signature: index.definition.signature, documents: bodies)
                for (document, outcomes) in zip(visible, outcomes) {
                    for (view, outcome) in zip(index.views, outcomes) {
                        try page.add(outcome, of: document.id.text, to: view, index.definition.order, reader.vault)
                    }
                }
            case .fields(let query):
                for (document, body) in zip(visible, bodies) {
                    guard let key = query.key(of: try JSONValue(parsing: body, limits: .unlimited)) else { continue }
                    let row = DeviceScripts.MapRow(key: key.bytes[...], value: Self.null)
                    try page.add(.rows([row]), of: document.id.text, to: index.views[0], .unicode, reader.vault)
                }
            }
            // In the order of the table each goes beside the one before.
            page.rows.sort { left, right in
                left.view == right.view ? left.key.lexicographicallyPrecedes(right.key) : left.view < right.view
            }
            return page
        }
    }

    private static let null = Array("null".utf8)[...]
}

extension IndexPage {
    fileprivate mutating func add(
        _ outcome: DeviceScripts.MapOutcome,
        of id: String,
        to view: Int64,
        _ order: CollationKey.Order,
        _ vault: Vault
    ) throws {
        switch outcome {
        case .failed: return
        case .rows(let mapped):
            let count = rows.count
            for (position, row) in mapped.enumerated() {
                let key: [UInt8]
                do throws(CollationKey.Failure) {
                    key = try CollationKey(row.key, order: order, limit: RowKey.limit).bytes
                } catch {
                    // A document is in a view with all its rows or with none.
                    rows.removeLast(rows.count - count)
                    return
                }
                let (json, value) = (try vault.sealed(row.key), try vault.sealed(row.value))
                rows.append(Row(view: view, key: key, id: id, position: position, json: json, value: value))
            }
        }
    }
}

extension StoreReader {
    /// The documents whose last change lies behind the page's beginning, as many as a page has; ends the page there.
    fileprivate func changed(
        _ page: inout IndexPage,
        _ definition: IndexDefinition,
        _ rules: DocumentRules
    ) throws -> [ChangedDocument] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT id, sequence, is_deleted, tree FROM documents
                WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?
                """
        )
        let cursor = try Row.fetchCursor(statement, arguments: [page.from, page.through, IndexPage.documents])
        var documents: [ChangedDocument] = []
        var (bytes, last) = (0, page.from)
        while bytes < IndexPage.bytes, let row = try cursor.next() {
            let id = DocumentID(stored: row[0])
            last = row[1]
            let isHidden = row[2] || id.isDesign && !definition.includesDesigns
            let json = isHidden ? nil : try json(id, Self.tree(row[3]), sequence: last, definition, rules)
            bytes += json?.count ?? 0
            documents.append(ChangedDocument(id: id, json: json))
        }
        page.isLast = documents.count < IndexPage.documents && bytes < IndexPage.bytes
        if !page.isLast { page.through = last }
        return documents
    }

    /// The winner with the special members that CouchDB shows to map functions.
    private func json(
        _ id: DocumentID,
        _ tree: RevisionTree<BodyNumber>,
        sequence: Int,
        _ definition: IndexDefinition,
        _ rules: DocumentRules
    ) throws -> [UInt8]? {
        let leaves = tree.leaves
        guard let winner = leaves.first, let number = winner.payload else { return nil }
        let body = try body(number)
        // As on the server: leaves that belong to others than the winner are not shown with it.
        let others = try leaves.dropFirst().filter { leaf in
            guard let other = try leaf.payload.map({ try self.body($0) }) else { return body.owner == nil }
            return other.owner == body.owner && other.groups == body.groups
        }
        return body.json(id, winner, rules: rules) { output in
            if definition.showsSequence { output.localSequence = .number(JSONNumber(sequence)) }
            output.conflicts = others.filter { !$0.isDeleted }.map(\.id)
            output.deletedConflicts = others.filter(\.isDeleted).map(\.id)
        }
    }
}
