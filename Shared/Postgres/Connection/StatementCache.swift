/// Which statements a connection has prepared, by text and parameter types, the least recently used dropped first.
///
/// The cache is what this side believes: it is emptied when statements were dropped behind its back (`DISCARD ALL`),
/// and a new connection starts with an empty one.
struct StatementCache {
    struct Key: Hashable {
        let sql: String
        let types: [PostgresType]
    }

    private struct Entry {
        let name: String
        var lastUse: UInt64
    }

    private let capacity: Int
    private var entries: [Key: Entry] = [:]
    private var clock: UInt64 = 0
    private var names: UInt64 = 0

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    var count: Int { entries.count }

    /// The name under which the statement is prepared.
    mutating func name(for key: Key) -> String? {
        clock += 1
        guard let index = entries.index(forKey: key) else { return nil }
        entries.values[index].lastUse = clock
        return entries.values[index].name
    }

    /// A name that no statement of the connection has had.
    mutating func newName() -> String {
        names += 1
        return "s\(names)"
    }

    /// Remembers a statement; the result are the names to be dropped at the server for it.
    mutating func insert(_ key: Key, name: String) -> [String] {
        clock += 1
        var dropped: [String] = []
        if let old = entries.updateValue(Entry(name: name, lastUse: clock), forKey: key) { dropped.append(old.name) }
        guard entries.count > capacity else { return dropped }
        // An eighth at once, so that the search for the oldest is rare.
        let oldest = entries.sorted { $0.value.lastUse < $1.value.lastUse }.prefix(max(1, capacity / 8))
        for (key, entry) in oldest {
            entries[key] = nil
            dropped.append(entry.name)
        }
        return dropped
    }

    /// Forgets a statement that turned out to be stale; its name when it had one.
    mutating func remove(_ key: Key) -> String? {
        entries.removeValue(forKey: key)?.name
    }

    /// Forgets all, because the server has.
    mutating func removeAll() {
        entries.removeAll()
    }
}
