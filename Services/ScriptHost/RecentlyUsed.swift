/// A table of at most so many values, of which the one not used for longest goes first.
struct RecentlyUsed<Key: Hashable, Value> {
    private var entries: [Key: (value: Value, use: UInt64)] = [:]
    private var uses: UInt64 = 0
    private let capacity: Int

    /// An empty table for that many values, at least one.
    init(capacity: Int) {
        self.capacity = max(capacity, 1)
    }

    /// The value of a key, which counts as a use of it.
    mutating func value(for key: Key) -> Value? {
        guard let index = entries.index(forKey: key) else { return nil }
        uses += 1
        entries.values[index].use = uses
        return entries.values[index].value
    }

    /// Keeps a value, in the place of one not used for longest when the table is full.
    mutating func keep(_ value: Value, for key: Key) {
        uses += 1
        entries[key] = (value, uses)
        if entries.count > capacity, let oldest = entries.min(by: { $0.value.use < $1.value.use })?.key {
            entries[oldest] = nil
        }
    }

    mutating func remove(_ key: Key) {
        entries[key] = nil
    }

    mutating func removeAll() {
        entries.removeAll()
    }
}
