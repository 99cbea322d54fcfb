import CouchProtocol
import JSON
import ScriptHosting

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
            throw CouchError(
                status: 400,
                error: "invalid_design_doc",
                reason: "`\(text)` of \(name) is not a supported reduce function."
            )
        }
        kind = .builtIn(builtIn)
    }

    /// The reduction of each group of rows.
    func reduce(_ groups: [[ViewRow]]) async throws -> [Reduction] {
        switch kind {
        case .builtIn(let function):
            return try groups.map { rows in
                var reduction = function.empty
                for row in rows { try reduction.add(row, name: name) }
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
        var (keys, values): ([UInt8], [UInt8]) = ([UInt8(ascii: "[")], [UInt8(ascii: "[")])
        for (index, row) in rows.enumerated() {
            if index > 0 {
                keys.append(UInt8(ascii: ","))
                values.append(UInt8(ascii: ","))
            }
            keys.append(UInt8(ascii: "["))
            keys += row.key
            keys.append(UInt8(ascii: ","))
            JSONValue.write(string: row.id, to: &keys)
            keys.append(UInt8(ascii: "]"))
            values += row.value
        }
        keys.append(UInt8(ascii: "]"))
        values.append(UInt8(ascii: "]"))
        return .rows(keys: keys[...], values: values[...])
    }

    private static func input(_ parts: [Reduction]) -> ReduceInput {
        var values = [UInt8(ascii: "[")]
        for (index, part) in parts.enumerated() {
            if index > 0 { values.append(UInt8(ascii: ",")) }
            values += part.bytes
        }
        values.append(UInt8(ascii: "]"))
        return .reductions(values[...])
    }
}

/// The reduce functions that CouchDB 3.5 has
/// (<https://docs.couchdb.org/en/stable/ddocs/ddocs.html#built-in-reduce-functions>).
enum BuiltInReduce: Sendable, Hashable {
    case sum
    case count
    case stats
    case distinct
    case top(Int)
    case bottom(Int)
    case first
    case last

    init?(_ text: String) {
        switch text.trimmingPrefix("_").split(separator: "_").first.map(String.init) {
        case "sum" where text == "_sum": self = .sum
        case "count" where text == "_count": self = .count
        case "stats" where text == "_stats": self = .stats
        case "approx" where text == "_approx_count_distinct": self = .distinct
        case "first" where text == "_first": self = .first
        case "last" where text == "_last": self = .last
        case "top":
            guard let count = Int(text.dropFirst("_top_".count)), 1...100 ~= count else { return nil }
            self = .top(count)
        case "bottom":
            guard let count = Int(text.dropFirst("_bottom_".count)), 1...100 ~= count else { return nil }
            self = .bottom(count)
        default: return nil
        }
    }

    /// The reduction of no rows.
    var empty: Reduction {
        switch self {
        case .sum: .sum(.start)
        case .count: .count(0)
        case .stats: .stats(.start)
        case .distinct: .distinct(HyperLogLog())
        case .top(let count): .ranked(RankedValues(count, isTop: true))
        case .bottom(let count): .ranked(RankedValues(count, isTop: false))
        case .first: .edge(EdgeValue(isFirst: true))
        case .last: .edge(EdgeValue(isFirst: false))
        }
    }
}
