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
}

/// Reduces rows, which come in order, group by group.
struct GroupReader {
    private let reducer: DeviceReducer
    private let grouping: Grouping
    private let order: CollationKey.Order
    private let scripts: DeviceScripts
    private var open: OpenGroup?
    /// The groups that are complete: keys and values as JSON texts.
    private(set) var found: [(key: [UInt8], value: [UInt8])] = []

    /// How many rows or reductions a function is given at once.
    private static let stretch = 500

    private struct OpenGroup {
        /// With what the keys of its rows begin.
        let prefix: [UInt8]
        let isOneKey: Bool
        /// The key that it is shown with.
        let key: [UInt8]
        var reduction: Reduction?
        var text = ReduceText()
        var rows = 0
        var parts: [Reduction] = []
    }

    init(_ reducer: DeviceReducer, _ grouping: Grouping, _ order: CollationKey.Order, _ scripts: DeviceScripts) {
        self.reducer = reducer
        self.grouping = grouping
        self.order = order
        self.scripts = scripts
    }

    /// Takes a row in.
    mutating func add(_ row: IndexRow) throws {
        if open.map({ !holds($0, row.order) }) ?? true {
            try finish()
            let prefix = grouping.prefix(of: row.order, order)
            open = OpenGroup(
                prefix: prefix,
                isOneKey: prefix.count == row.order.count && grouping != .none,
                key: grouping.key(of: row.key, order)
            )
            if case .builtIn(let function, _) = reducer { open?.reduction = function.empty }
        }
        switch reducer {
        case .builtIn(_, let name):
            try open?.reduction?.add(order: row.order, id: row.id, value: row.value, name: name)
        case .custom(let function):
            open?.text.add(key: row.key, id: row.id, value: row.value)
            open?.rows += 1
            if open?.rows == Self.stretch { try settle(function) }
        }
    }

    /// Completes the group that is open.
    mutating func finish() throws {
        guard open != nil else { return }
        if case .custom(let function) = reducer { try settle(function, isLast: true) }
        guard let group = open else { return }
        found.append((group.key, (group.reduction ?? group.parts.first)?.result ?? Array("null".utf8)))
        open = nil
    }

    private func holds(_ group: OpenGroup, _ key: [UInt8]) -> Bool {
        grouping == .none || (group.isOneKey ? group.prefix == key : key.starts(with: group.prefix))
    }

    private mutating func settle(_ function: ReduceFunction, isLast: Bool = false) throws {
        guard var group = open else { return }
        if group.rows > 0 {
            let made = try scripts.reduce(function, keys: group.text.keys, values: group.text.values)
            group.parts.append(.custom(made))
            (group.text, group.rows) = (ReduceText(), 0)
        }
        if group.parts.count == Self.stretch || isLast && group.parts.count > 1 {
            var text = ReduceText()
            for part in group.parts { text.add(part) }
            group.parts = [.custom(try scripts.reduce(function, keys: nil, values: text.values))]
        }
        open = group
    }
}
