import ControlStore
import CouchProtocol
import DocumentStore
import JSON
import Postgres
import Projects
import Sequences

/// The transactions of a FullSync connector: documents read and written by a run of a sequence.
///
/// What a step writes is committed together with its entry in the ledger of effects, so a run that is repeated does not
/// write it again.
struct FullSyncTransactions: Sendable {
    let run: ClaimedRun
    let store: DocumentStore
    let control: ControlStore
    let queries: DocumentQueries
    /// The database as the project declares it.
    let definition: DatabaseDefinition

    /// How many bytes an answer may have; the interpreter takes no more.
    static let answerLimit = InterpreterLimits().valueSize

    /// Carries out a transaction whose variables have been checked.
    func call(_ transaction: FullSyncTransaction, _ variables: JSONObject, at site: CallSite) async throws -> JSONValue
    {
        do {
            let database = try await store.database(definition.name)
            let caller = Caller.sequence(user: site.identity?.user, lineage: run.lineage)
            return try await call(transaction, variables, Target(database: database, caller: caller, site: site))
        } catch let error as CouchError {
            throw SequenceFailure(
                code: SequenceFailure.Code(error.error),
                message: error.reason,
                details: ["database": .string(definition.name)]
            )
        }
    }

    /// What a transaction works on, for whom, and for which step.
    struct Target: Sendable {
        let database: Database
        let caller: Caller
        let site: CallSite
    }

    private func call(
        _ transaction: FullSyncTransaction,
        _ variables: JSONObject,
        _ target: Target
    ) async throws -> JSONValue {
        switch transaction {
        case .postDocument: try await postDocument(variables, target)
        case .postBulkDocuments: try await postBulkDocuments(variables, target)
        case .getDocument: try await getDocument(variables, target)
        case .deleteDocument: try await deleteDocument(variables, target)
        case .copyDocument: try await copyDocument(variables, target)
        case .putAttachment: try await putAttachment(variables, target)
        case .getAttachment: try await getAttachment(variables, target)
        case .deleteAttachment: try await deleteAttachment(variables, target)
        case .allDocs: try await allDocs(variables, target)
        case .getView: try await getView(variables, target)
        case .postFind: try await postFind(variables, target)
        case .databaseInfo: try await databaseInfo(target)
        case .purgeDatabase: try await purgeDatabase(variables, target)
        case .resetDatabase: try await resetDatabase(target)
        case .compactDatabase: try await compactDatabase(target)
        }
    }
}

// MARK: - The ledger

extension FullSyncTransactions {
    /// What an earlier attempt at this run did at this step; nil when it did not come so far.
    func recorded(at site: CallSite) async throws -> JSONValue? {
        guard run.isRepeated,
            case .answered(let answer) = try await control.effect(of: run, step: site.path.key)
        else { return nil }
        return answer
    }

    /// The statement that notes what the step did.
    func record(_ answer: JSONValue, at site: CallSite) -> PostgresQuery {
        control.record(answer, of: run, step: site.path.key)
    }

    /// Gives up when another worker has the run now.
    func checkRecorded(_ rows: PostgresRows) throws {
        guard rows.affected == 1 else { throw ClaimLost(run) }
    }

    /// The outcome of a write of one document, as an answer or a failure.
    static func single(_ rows: JSONValue) throws -> JSONValue {
        guard let row = rows.arrayValue?.first else { return .null }
        if let error = row["error"]?.stringValue {
            throw SequenceFailure(
                code: SequenceFailure.Code(error),
                message: row["reason"]?.stringValue ?? error,
                details: row
            )
        }
        return row
    }
}
