import CouchProtocol
import Foundation
import JSON
import ScriptEngine
import ViewRules

/// The functions of one database's design documents, run in this process.
///
/// All databases share one machine. Each has compiled functions of its own, so that nothing a function keeps of one
/// user's documents is there when it is given another's.
struct DeviceScripts: Sendable {
    /// How long one call of a function may compute.
    static let callTime = Duration.seconds(5)
    /// How many documents in a row a map may not finish with before it is given up.
    private static let patience = 3
    /// How many bytes the rows of one document may have.
    private static let outputLimit = 32 << 20

    private static let thread = ScriptThread(callTime: callTime)

    /// What names the database's functions among those of all databases.
    private let owner = Array(UUID().uuidString.utf8)

    /// What one map function made of one document.
    enum MapOutcome: Sendable {
        case rows([MapRow])
        /// The function failed, which leaves this document without rows and harms nothing else.
        case failed
    }

    /// A row that was emitted: slices of one buffer, compact JSON texts.
    struct MapRow: Sendable {
        let key: ArraySlice<UInt8>
        let value: ArraySlice<UInt8>
    }

    /// Calls the maps with each document, and waits for it.
    ///
    /// - Returns: For each document what each map made of it.
    /// - Throws: `compilation_error`, and `timeout` for a function that has no end whatever it is given.
    func map(
        _ functions: ViewFunctions,
        signature: [UInt8],
        documents: [[UInt8]]
    ) throws -> [[MapOutcome]] {
        try Self.thread.run { [owner] room in
            let environment = try Self.compile(
                room,
                key: owner + signature,
                zip(functions.names, functions.pairs).map { ($0, $1.map) },
                functions.library
            )
            defer { room.took(documents.reduce(0) { $0 + $1.count }) }
            var unfinished = 0
            return try documents.map { json in
                let text = ScriptString(utf8: json[...])
                return try functions.names.enumerated().map { place, name in
                    do throws(ScriptException) {
                        // Parsed anew for each function, so that none sees what another did to it.
                        let rows = try environment.map(place, try environment.document(text))
                        guard rows.count <= Self.outputLimit else { throw .outputLimit }
                        unfinished = 0
                        var output: [UInt8] = []
                        rows.append(to: &output)
                        return .rows(Self.rows(output))
                    } catch {
                        if error.cause == .timeLimit {
                            unfinished += 1
                            if unfinished >= Self.patience { throw CouchError(error, in: name) }
                        }
                        return .failed
                    }
                }
            }
        }
    }

    /// Calls a reduce function, and waits for it.
    ///
    /// - Parameter keys: The array of pairs; nil to reduce reductions.
    /// - Returns: The reduction as JSON text; null when the function threw, as CouchDB goes on.
    func reduce(_ function: ReduceFunction, keys: [UInt8]?, values: [UInt8]) throws -> [UInt8] {
        try Self.thread.run { [owner] room in
            let environment = try Self.compile(
                room,
                key: owner + function.key,
                [(function.name, function.text)],
                function.library
            )
            let size = (keys?.count ?? 0) + values.count
            defer { room.took(size) }
            do throws(ScriptException) {
                let reduction = try environment.reduce(0, keys: keys.map { $0[...] }, values: values[...])
                // CouchDB's `reduce_limit_threshold` and `reduce_limit_ratio`.
                if reduction.count > 5_000, reduction.count > size / 2 {
                    throw .reduceOverflow(reduction.count, from: size)
                }
                var output: [UInt8] = []
                reduction.append(to: &output)
                return output
            } catch {
                guard error.cause == .thrown else { throw CouchError(error, in: function.name) }
                return Array("null".utf8)
            }
        }
    }

    private static func compile(
        _ room: ScriptRoom,
        key: [UInt8],
        _ functions: [(name: String, text: String)],
        _ library: JSONObject
    ) throws -> FunctionEnvironment {
        do throws(FunctionEnvironment.CompilationError) {
            return try room.functions(
                key,
                functions,
                library: library.isEmpty ? [] : JSONValue.object(library).bytes
            )
        } catch {
            let name = error.function.map { functions[$0].name } ?? functions.first?.name ?? ""
            throw CouchError(
                status: 400,
                error: "compilation_error",
                reason: CouchError(error.exception, in: name).reason
            )
        }
    }

    /// The rows of the engine's text: their number, and then keys and values, each on a line.
    private static func rows(_ text: [UInt8]) -> [MapRow] {
        var lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
        _ = lines.popFirst()
        var rows: [MapRow] = []
        while lines.count >= 2, let key = lines.popFirst(), let value = lines.popFirst() {
            rows.append(MapRow(key: key, value: value))
        }
        return rows
    }
}

/// A reduce function in JavaScript.
struct ReduceFunction: Sendable {
    /// Names it among those that are compiled.
    let key: [UInt8]
    let name: String
    let text: String
    let library: JSONObject

    init(name: String, text: String, library: JSONObject) {
        self.name = name
        self.text = text
        self.library = library
        key = Array("reduce \(name) \(text) \(JSONValue.object(library).text)".utf8)
    }
}

extension CouchError {
    /// What the caller is told of a function that failed: the reason names the function and the line.
    init(_ exception: ScriptException, in function: String) {
        let (status, word): (Int, String) =
            switch exception.cause {
            case .syntax: (400, "compilation_error")
            case .timeLimit: (500, "timeout")
            case .reduceOverflow: (500, "reduce_overflow_error")
            case .thrown, .outputLimit: (500, "function_error")
            }
        var place = function
        if let line = exception.line, exception.source.isEmpty || exception.source == function {
            place += ":\(line)"
            if let column = exception.column { place += ":\(column)" }
        }
        let message = exception.name.isEmpty ? exception.message : "\(exception.name): \(exception.message)"
        self.init(status: status, error: word, reason: "\(place): \(message)")
    }
}
