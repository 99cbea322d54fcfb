import CouchProtocol
import JSON
import ScriptHosting
import ViewRules

/// How the rows of a view are reduced to one value.
package struct Reducer: Sendable {
    /// What errors call the function.
    let name: String
    let kind: Kind

    enum Kind: Sendable {
        case builtIn(BuiltInReduce)
        case custom(ScriptFunctions, ScriptHostPool)
    }

    /// The reduce of a view's text.
    ///
    /// - Throws: `invalid_design_doc` for a built-in function that there is not.
    init(_ text: String, name: String, library: JSONObject, scripts: ScriptHostPool) throws(CouchError) {
        self.name = name
        guard text.hasPrefix("_") else {
            kind = .custom(ScriptFunctions([ScriptSource(name: name, text: text)], library: library), scripts)
            return
        }
        guard let builtIn = BuiltInReduce(text) else {
            throw ViewFunctions.unknown(text, of: name)
        }
        kind = .builtIn(builtIn)
    }

    /// The reduction of each group of rows.
    func reduce(_ groups: [[ViewRow]]) async throws -> [Reduction] {
        switch kind {
        case .builtIn(let function):
            return try groups.map { rows in
                var reduction = function.empty
                for row in rows {
                    try reduction.add(order: row.order, id: row.id, value: row.value, name: name)
                }
                return reduction
            }
        case .custom(let functions, let scripts):
            return try await call(functions, scripts, groups.map(Self.input))
        }
    }

    /// The reduction of each group of reductions.
    func combine(_ groups: [[Reduction]]) async throws -> [Reduction] {
        switch kind {
        case .builtIn(let function):
            return try groups.map { parts in
                var reduction = function.empty
                for part in parts { try reduction.merge(part, name: name) }
                return reduction
            }
        case .custom(let functions, let scripts):
            let many = groups.filter { $0.count != 1 }
            var made = try await call(functions, scripts, many.map(Self.input))[...]
            return groups.map { $0.count == 1 ? $0[0] : made.popFirst() ?? .custom(Array("null".utf8)) }
        }
    }

    /// What one request to a script host has at most.
    private static let requestSize = 8 << 20

    private func call(
        _ functions: ScriptFunctions,
        _ scripts: ScriptHostPool,
        _ inputs: [ReduceInput]
    ) async throws -> [Reduction] {
        var made: [Reduction] = []
        var batch: [ReduceInput] = []
        var size = 0
        func send() async throws {
            do throws(ScriptError) {
                made += try await scripts.reduce(functions, batch).map(Reduction.custom)
            } catch {
                throw error.couchError
            }
            (batch, size) = ([], 0)
        }
        for input in inputs {
            if !batch.isEmpty, size + input.size > Self.requestSize { try await send() }
            batch.append(input)
            size += input.size
        }
        if !batch.isEmpty { try await send() }
        return made
    }

    private static func input(_ rows: [ViewRow]) -> ReduceInput {
        var text = ReduceText()
        for row in rows { text.add(key: row.key, id: row.id, value: row.value) }
        return .rows(keys: text.keys[...], values: text.values[...])
    }

    private static func input(_ parts: [Reduction]) -> ReduceInput {
        var text = ReduceText()
        for part in parts { text.add(part) }
        return .reductions(text.values[...])
    }
}

extension Reducer.Kind {
    /// The built-in function; nil for one in JavaScript.
    var builtIn: BuiltInReduce? {
        guard case .builtIn(let function) = self else { return nil }
        return function
    }
}
