package import CouchProtocol
package import DocumentStore
package import JSON
package import ScriptHosting

/// Decides about writes by the functions of design documents, in script hosts.
package struct DesignValidator: WriteValidator {
    private let scripts: ScriptHostPool

    package init(_ scripts: ScriptHostPool) {
        self.scripts = scripts
    }

    package func refusal(ofDesign write: DesignWrite) async -> CouchError? {
        do throws(CouchError) {
            let design = DesignDocument(write.id, body: write.body)
            try await DesignCheck(scripts: scripts).check(design, onlyViews: write.isReplicated)
            return nil
        } catch {
            return error
        }
    }

    package func functions(of designs: [StoredRevision]) -> (any ValidationFunctions)? {
        self.functions(of: designs.map { DesignDocument($0.id, body: $0.body) })
    }

    /// The validation functions of these design documents; nil when they have none.
    func functions(of designs: [DesignDocument]) -> (any ValidationFunctions)? {
        let functions = designs.compactMap(\.validation)
        return functions.isEmpty ? nil : DesignValidations(scripts: scripts, functions: functions)
    }
}

/// The `validate_doc_update` functions of a database.
private struct DesignValidations: ValidationFunctions {
    let scripts: ScriptHostPool
    let functions: [ScriptFunctions]

    /// How many writes, and how many bytes of them, go to a host at once.
    private static let batchLimit = 2_000
    private static let batchBytes = 16 << 20

    func refusals(of writes: [DocumentWrite], by user: UserContext, security: [UInt8]) async -> [CouchError?] {
        var refusals: [CouchError?] = Array(repeating: nil, count: writes.count)
        let texts = writes.map { ValidatedWrite(document: $0.document, previous: $0.previous) }
        let context = user.json.bytes
        for function in functions {
            var validation = Validation(scripts: scripts, function: function, user: context, security: security)
            // What one function refuses the next is not asked about, as in CouchDB.
            for batch in Self.batches(of: refusals.indices.filter { refusals[$0] == nil }, texts) {
                let found = await validation.refusals(of: batch.map { texts[$0] })
                for (place, refusal) in zip(batch, found) { refusals[place] = refusal }
            }
        }
        return refusals
    }

    private static func batches(of places: [Int], _ texts: [ValidatedWrite]) -> [[Int]] {
        var batches: [[Int]] = []
        var bytes = 0
        for place in places {
            let size = texts[place].size
            if let last = batches.last, last.count < batchLimit, bytes + size <= batchBytes {
                batches[batches.count - 1].append(place)
                bytes += size
            } else {
                batches.append([place])
                bytes = size
            }
        }
        return batches
    }
}

/// One function's look at the writes of one request.
private struct Validation {
    let scripts: ScriptHostPool
    let function: ScriptFunctions
    let user: [UInt8]
    let security: [UInt8]
    /// How often the function may break a limit before it is not asked any more.
    private var patience = 3

    init(scripts: ScriptHostPool, function: ScriptFunctions, user: [UInt8], security: [UInt8]) {
        self.scripts = scripts
        self.function = function
        self.user = user
        self.security = security
    }

    /// Why the function refuses each of the writes.
    ///
    /// A function that breaks a limit does so over one of them, which must not cost the others: they are asked about
    /// one by one then.
    mutating func refusals(of writes: [ValidatedWrite]) async -> [CouchError?] {
        do throws(ScriptError) {
            return try await ask(writes)
        } catch {
            guard writes.count > 1, error.breaksLimit else { return writes.map { _ in CouchError(error) } }
        }
        var refusals: [CouchError?] = []
        var last: CouchError?
        for write in writes {
            guard patience > 0 else {
                refusals.append(last)
                continue
            }
            do throws(ScriptError) {
                refusals += try await ask([write])
            } catch {
                patience -= 1
                last = CouchError(error)
                refusals.append(last)
            }
        }
        return refusals
    }

    private func ask(_ writes: [ValidatedWrite]) async throws(ScriptError) -> [CouchError?] {
        try await scripts.validate(function, writes, userContext: user, security: security).map { outcome in
            switch outcome {
            case .passes: nil
            case .refused(let thrown): CouchError(thrownByValidation: thrown)
            case .failed(let error): CouchError(error)
            }
        }
    }
}

extension UserContext {
    /// CouchDB's `userCtx`.
    package var json: JSONValue {
        [
            "db": .string(database), "name": name.map(JSONValue.string) ?? .null,
            "roles": .array(roles.map(JSONValue.string)),
        ]
    }
}

extension CouchError {
    /// What a `validate_doc_update` threw: `{"forbidden": …}`, `{"unauthorized": …}`, or whatever else.
    init(thrownByValidation thrown: JSONValue) {
        if let reason = thrown["forbidden"] {
            self = .forbidden(reason.words)
        } else if let reason = thrown["unauthorized"] {
            self = .unauthorized(reason.words)
        } else {
            let only = thrown.objectValue.flatMap { $0.count == 1 ? $0.first { _ in true }?.1 : nil }
            self.init(status: 500, error: "unknown_error", reason: (only ?? thrown).words)
        }
    }
}

extension JSONValue {
    /// A string as it is, and anything else as JSON.
    fileprivate var words: String { stringValue ?? String(decoding: bytes, as: UTF8.self) }
}
