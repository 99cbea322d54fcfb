package import CouchProtocol
import Foundation
import GRDB
import JSON

extension SQLiteReplica {
    package func changes(_ request: ChangesRequest) async throws -> ChangesPage {
        try await changes(request, ofDevice: false)
    }

    /// A page of the changes.
    ///
    /// - Parameter ofDevice: Whether only documents count that the device itself has edited.
    func changes(_ request: ChangesRequest, ofDevice: Bool) async throws -> ChangesPage {
        let later = signal.subscribe()
        let present = try await page(request, ofDevice: ofDevice)
        guard let wait = request.wait, present.rows.isEmpty else { return present }
        await ChangeSignal.wait(for: later, atMost: wait)
        try Task.checkCancellation()
        return try await page(request, ofDevice: ofDevice)
    }

    private func page(_ request: ChangesRequest, ofDevice: Bool) async throws -> ChangesPage {
        guard let since = Int(request.since.text), since >= 0 else {
            throw CouchError.badRequest("Malformed sequence supplied in 'since' parameter.")
        }
        var condition = ofDevice ? "is_local AND sequence > ?" : "sequence > ?"
        var ids: StatementArguments = []
        switch request.filter {
        case .none: break
        case .documents(let wanted):
            condition += " AND id IN (SELECT value FROM json_each(?))"
            ids = [JSONValue.array(wanted.map { .string($0.text) }).text]
        case .selector, .function:
            throw CouchError.badRequest("A device's database filters by document ids only.")
        }
        return try await read { [condition, ids] reader in
            let rows = try reader.changes(where: condition, arguments: [since] + ids, request)
            guard rows.count == request.limit, let last = rows.last?.sequence else {
                let end = max(since, try reader.lastSequence())
                return ChangesPage(rows: rows, lastSequence: UpdateSequence(end), pending: 0)
            }
            let pending = try Int.fetchOne(
                reader.db.cachedStatement(sql: "SELECT count(*) FROM documents WHERE \(condition)"),
                arguments: [Int(last.text)] + ids
            )
            return ChangesPage(rows: rows, lastSequence: last, pending: pending)
        }
    }
}

extension StoreReader {
    /// The changes that a condition lets through, in order.
    fileprivate func changes(
        where condition: String,
        arguments: StatementArguments,
        _ request: ChangesRequest
    ) throws -> [ChangeRow] {
        let statement = try db.cachedStatement(
            sql: "SELECT sequence, id, is_deleted, tree FROM documents WHERE \(condition) ORDER BY sequence LIMIT ?"
        )
        return try Row.fetchAll(statement, arguments: arguments + [request.limit]).map { row in
            let leaves = try Self.tree(row[3]).leaves
            let named = request.allLeaves ? leaves : Array(leaves.prefix(1))
            let number: Int = row[0]
            return ChangeRow(
                sequence: UpdateSequence(number),
                id: DocumentID(stored: row[1]),
                revisions: named.map { $0.id },
                isDeleted: row[2]
            )
        }
    }
}
