import Collation
import CouchProtocol
import JSON
import ViewRules

/// How the rows of a view are reduced.
enum DeviceReducer: Sendable {
    case builtIn(BuiltInReduce, name: String)
    case custom(ReduceFunction)

    /// The reduce of a view's text.
    ///
    /// - Throws: `invalid_design_doc` for a built-in function that there is not.
    init(_ text: String, name: String, library: JSONObject) throws(CouchError) {
        guard text.hasPrefix("_") else {
            self = .custom(ReduceFunction(name: name, text: text, library: library))
            return
        }
        guard let function = BuiltInReduce(text) else { throw ViewFunctions.unknown(text, of: name) }
        self = .builtIn(function, name: name)
    }

    /// The built-in function; nil for one in JavaScript.
    var builtIn: BuiltInReduce? {
        guard case .builtIn(let function, _) = self else { return nil }
        return function
    }

    fileprivate func reduce(_ rows: some Sequence<IndexRow>, _ scripts: DeviceScripts) throws -> Reduction {
        switch self {
        case .builtIn(let function, let name):
            var reduction = function.empty
            for row in rows { try reduction.add(order: row.order, id: row.id, value: row.value, name: name) }
            return reduction
        case .custom(let function):
            var text = ReduceText()
            for row in rows { text.add(key: row.key, id: row.id, value: row.value) }
            return .custom(try scripts.reduce(function, keys: text.keys, values: text.values))
        }
    }

    fileprivate func combine(_ parts: [Reduction], _ scripts: DeviceScripts) throws -> Reduction {
        switch self {
        case .builtIn(let function, let name):
            var reduction = function.empty
            for part in parts { try reduction.merge(part, name: name) }
            return reduction
        case .custom(let function):
            var text = ReduceText()
            for part in parts { text.add(part) }
            return .custom(try scripts.reduce(function, keys: nil, values: text.values))
        }
    }
}

/// Reduces rows and blocks, which come in the order of a query, group by group.
///
/// Rows are reduced some hundreds at a time, and what each stretch of them came to is told, so that it can be kept.
struct GroupReader {
    let grouping: Grouping
    let order: CollationKey.Order
    private let reducer: DeviceReducer
    private let scripts: DeviceScripts
    private let isDescending: Bool
    private let limit: Int
    private let sizes: BlockSizes
    private var open: OpenGroup?
    /// Rows of the open group that are not reduced yet.
    private var rows: [IndexRow] = []
    private var bytes = 0
    /// The stretches that were reduced since they were last taken, in the order of the query.
    private var made: [KeptBlock] = []
    /// The groups that are complete: keys and values as JSON texts.
    private(set) var found: [(key: [UInt8], value: [UInt8])] = []

    private struct OpenGroup {
        /// With what the keys of its rows begin.
        let prefix: [UInt8]
        let isOneKey: Bool
        /// The key that it is shown with.
        let key: [UInt8]
        var parts: [Reduction] = []
    }

    /// - Parameter limit: How many groups are wanted at most.
    init(
        _ reducer: DeviceReducer,
        _ grouping: Grouping,
        _ order: CollationKey.Order,
        _ scripts: DeviceScripts,
        isDescending: Bool,
        limit: Int,
        _ sizes: BlockSizes
    ) {
        (self.reducer, self.grouping, self.order, self.scripts) = (reducer, grouping, order, scripts)
        (self.isDescending, self.limit, self.sizes) = (isDescending, limit, sizes)
    }

    var builtIn: BuiltInReduce? { reducer.builtIn }

    /// Takes a row in.
    ///
    /// - Returns: Whether its group is one of those wanted.
    mutating func add(_ row: IndexRow) throws -> Bool {
        guard try opens(row.order, json: row.key) else { return false }
        rows.append(row)
        bytes += row.key.count + row.value.count
        if bytes >= sizes.bytes {
            try reduce(rows.count)
        } else if rows.count >= sizes.largest {
            // Half of them, so that those which come last are no small rest.
            try reduce(rows.count / 2)
        }
        return true
    }

    /// Takes the rows of a block in, all of which are in one group.
    ///
    /// - Returns: Whether their group is one of those wanted.
    mutating func add(_ block: KeptBlock.Content) throws -> Bool {
        guard try opens(block.firstKey, json: block.json) else { return false }
        try reduce(rows.count)
        try add(block.reduction)
        return true
    }

    /// Reduces the rows that have come.
    ///
    /// - Returns: The stretches, in the order of keys.
    mutating func settle() throws -> [KeptBlock] {
        try reduce(rows.count)
        defer { made = [] }
        return isDescending ? made.reversed() : made
    }

    /// Completes the group that is open.
    mutating func finish() throws {
        try reduce(rows.count)
        guard let group = open else { return }
        let reduction = group.parts.count == 1 ? group.parts[0] : try reducer.combine(group.parts, scripts)
        found.append((group.key, reduction.result))
        open = nil
    }

    private mutating func opens(_ key: [UInt8], json: @autoclosure () -> [UInt8]) throws -> Bool {
        if let open, grouping == .none || (open.isOneKey ? open.prefix == key : key.starts(with: open.prefix)) {
            return true
        }
        try finish()
        guard found.count < limit else { return false }
        let prefix = grouping.prefix(of: key, order)
        open = OpenGroup(
            prefix: prefix,
            isOneKey: prefix.count == key.count && grouping != .none,
            key: grouping.key(of: json(), order)
        )
        return true
    }

    /// Reduces so many of the rows, the first ones that came.
    private mutating func reduce(_ count: Int) throws {
        guard count > 0 else { return }
        let stretch = rows.prefix(count)
        // What is kept is made in the order of keys, whichever way the query goes.
        let reduction =
            isDescending ? try reducer.reduce(stretch.reversed(), scripts) : try reducer.reduce(stretch, scripts)
        if let one = stretch.first, let other = stretch.last {
            let (first, last) = isDescending ? (other, one) : (one, other)
            note(first, last, reduction, isKept: count >= sizes.smallest || bytes >= sizes.bytes)
        }
        rows.removeFirst(count)
        bytes = rows.reduce(0) { $0 + $1.key.count + $1.value.count }
        try add(reduction)
    }

    private mutating func note(_ first: IndexRow, _ last: IndexRow, _ reduction: Reduction, isKept: Bool) {
        let content = KeptBlock.Content(
            firstKey: first.order,
            lastKey: last.order,
            json: first.key,
            reduction: reduction
        )
        // Neighbours that are not worth keeping are one stretch.
        if !isKept, let before = made.last, before.content == nil {
            if isDescending { made[made.count - 1] = KeptBlock(start: first.place, content: nil) }
        } else {
            made.append(KeptBlock(start: first.place, content: isKept ? content : nil))
        }
    }

    private mutating func add(_ reduction: Reduction) throws {
        open?.parts.append(reduction)
        guard let parts = open?.parts, parts.count >= sizes.reductions else { return }
        open?.parts = [try reducer.combine(parts, scripts)]
    }
}
