import CouchProtocol
import JSON
import Postgres

// Writes of a database with validation functions are decided about before they queue for their commit, so that a slow
// function holds up nobody else's. The plan of the commit looks whether each verdict is about the revision that the
// edit then really replaces; if not, the request goes back to be decided about anew.
extension DocumentStore {
    /// Makes the request by `body`, with verdicts on its edits where there are functions to give them.
    func validated<Value>(
        _ request: CommitQueue.Request,
        _ body: (CommitQueue.Request) async throws -> Value
    ) async throws -> Value {
        guard validator != nil else { return try await body(request) }
        var request = request
        if validations.hasFunctions(request.database) || request.edits.contains(where: \.id.isDesign) {
            request.verdicts = try await verdicts(on: request)
        }
        for _ in 0..<Self.validationAttempts {
            do {
                return try await body(request)
            } catch is NotValidated {
                request.verdicts = try await verdicts(on: request)
            }
        }
        throw CouchError.unavailable("The documents change faster than they can be validated. Try again later.")
    }

    /// How often a request is decided about, because others changed its documents or a design document meanwhile.
    private static let validationAttempts = 20

    /// The validation functions of a database whose design documents are in that state.
    func functions(
        of database: Database,
        in state: DesignState
    ) async throws -> (any ValidationFunctions)? {
        guard let validator, state.count > 0 else { return nil }
        if let known = validations.functions(of: database, in: state) { return known }
        var range = DocumentRange()
        range.onlyDesigns = true
        let designs = try await documents(in: range, of: database, for: .sequence(user: nil))
        let functions = validator.functions(of: designs)
        validations.keep(functions, of: database, in: state)
        return functions
    }

    /// Plans the edits of a request, unless some of them want a verdict that it does not bring.
    ///
    /// - Returns: What becomes of the edits; nil when the request must be decided about first.
    func add(
        _ request: CommitQueue.Request,
        to plan: inout WritePlan,
        _ state: DesignState,
        isValidated: Bool
    ) -> [EditOutcome]? {
        guard validator != nil, isValidated || request.edits.contains(where: \.id.isDesign) else {
            return request.edits.map { plan.add($0, by: request.caller, traceID: request.traceID) }
        }
        guard let verdicts = request.verdicts, verdicts.state == state else { return nil }
        var trial = plan.restricted(to: Set(request.edits.map(\.id)))
        var undecided: [(Int, WritePlan.Draft)] = []
        _ = trial.add(request, verdicts, undecided: &undecided)
        guard undecided.isEmpty else { return nil }
        return plan.add(request, verdicts, undecided: &undecided)
    }

    /// Decides about the edits of a request over the documents as they are.
    private func verdicts(on request: CommitQueue.Request) async throws -> Verdicts {
        let planning = try await basis(of: [request])
        let functions = try await functions(of: request.database, in: planning.state)
        var verdicts = Verdicts(planning.state)
        while true {
            var plan = planning.plan
            var undecided: [(Int, WritePlan.Draft)] = []
            _ = plan.add(request, verdicts, undecided: &undecided)
            // An edit that is refused may change what the edits behind it replace.
            guard !undecided.isEmpty else { return verdicts }
            let refusals = try await refusals(of: undecided.map(\.1), over: plan, by: functions, request)
            for ((edit, draft), refusal) in zip(undecided, refusals) {
                verdicts[edit, draft.ancestors] = .some(refusal)
            }
        }
    }

    private func refusals(
        of drafts: [WritePlan.Draft],
        over plan: WritePlan,
        by functions: (any ValidationFunctions)?,
        _ request: CommitQueue.Request
    ) async throws -> [CouchError?] {
        var refusals: [CouchError?] = Array(repeating: nil, count: drafts.count)
        var places: [Int] = []
        for (place, draft) in drafts.enumerated() {
            guard draft.edit.id.isDesign else {
                places.append(place)
                continue
            }
            // As in CouchDB, design documents are no matter of validation functions but of administrators.
            guard !draft.edit.isDeleted else { continue }
            let write = DesignWrite(id: draft.edit.id, body: draft.edit.body.bytes, isReplicated: draft.isReplicated)
            refusals[place] = await validator?.refusal(ofDesign: write)
        }
        guard let functions, !places.isEmpty else { return refusals }
        let database = request.database
        let writes = try await writes(places.map { drafts[$0] }, over: plan, in: database)
        let found = await functions.refusals(
            of: writes,
            by: UserContext(request.caller, in: database),
            security: try await security(of: database)
        )
        for (place, refusal) in zip(places, found) { refusals[place] = refusal }
        return refusals
    }

    /// The documents as they are to be and as they are.
    private func writes(
        _ drafts: [WritePlan.Draft],
        over plan: WritePlan,
        in database: Database
    ) async throws -> [DocumentWrite] {
        let planned = Dictionary(plan.bodies.map { (RevisionName($0.id, $0.revision), $0) }) { first, _ in first }
        let wanted = Set(drafts.flatMap { draft in draft.ancestors.map { RevisionName(draft.edit.id, $0) } })
        let kept = try await keptBodies(wanted.filter { planned[$0] == nil }, in: database)
        return drafts.map { draft in
            for ancestor in draft.ancestors {
                let name = RevisionName(draft.edit.id, ancestor)
                if let body = planned[name] {
                    let previous = draft.previous(ancestor, body.body.bytes, body.attachments, database)
                    return DocumentWrite(draft.text(database), previous)
                }
                if let body = kept[name] {
                    let previous = draft.previous(ancestor, body.bytes, body.attachments, database)
                    return DocumentWrite(draft.text(database), previous)
                }
            }
            return DocumentWrite(draft.text(database), nil)
        }
    }

    private func keptBodies(
        _ names: Set<RevisionName>,
        in database: Database
    ) async throws -> [RevisionName: StoredBody] {
        guard !names.isEmpty else { return [:] }
        let names = Array(names)
        let rows = try await client.query(
            """
            SELECT asked.place, \(unescaped: StoredBody.columns)
            FROM unnest(\(names.map(\.id.text)), \(names.map(\.revision.description)))
                WITH ORDINALITY AS asked (id, rev, place)
            CROSS JOIN \(fragment: Self.documentsAsked(in: database))
            CROSS JOIN LATERAL (
                SELECT body, exact, attachments FROM bodies
                WHERE bodies.document = documents.number AND bodies.rev = asked.rev LIMIT 1
            ) AS bodies
            """
        )
        var found: [RevisionName: StoredBody] = [:]
        for row in rows {
            found[names[Int(try row.decode(Int64.self, at: 0)) - 1]] = try StoredBody(row, at: 1)
        }
        return found
    }
}

/// A revision of a document of the database in hand.
private struct RevisionName: Hashable {
    let id: DocumentID
    let revision: RevisionID

    init(_ id: DocumentID, _ revision: RevisionID) {
        self.id = id
        self.revision = revision
    }
}

extension WritePlan {
    /// Plans the edits of a request: those that a verdict refuses are refused, and those without one are let pass and
    /// noted.
    mutating func add(
        _ request: CommitQueue.Request,
        _ verdicts: Verdicts,
        undecided: inout [(Int, Draft)]
    ) -> [EditOutcome] {
        var outcomes: [EditOutcome] = []
        outcomes.reserveCapacity(request.edits.count)
        for (index, edit) in request.edits.enumerated() {
            var missing: Draft?
            let outcome = add(edit, by: request.caller, traceID: request.traceID) { draft in
                guard let verdict = verdicts[index, draft.ancestors] else {
                    missing = draft
                    return nil
                }
                return verdict
            }
            outcomes.append(outcome)
            if let missing { undecided.append((index, missing)) }
        }
        return outcomes
    }
}
