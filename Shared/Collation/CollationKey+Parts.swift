extension CollationKey {
    /// How many bytes of a key are the tag of an array and its first parts; all of them where it has fewer parts, and of
    /// a key that is no array's.
    package static func length(ofFirst count: Int, in key: [UInt8], order: Order) -> Int {
        guard key.first == arrayTag else { return key.count }
        var position = 1
        for _ in 0..<count {
            guard position < key.count, key[position] != endTag else { return key.count }
            position = end(ofValueAt: position, in: key, order)
        }
        return position
    }

    private static let arrayTag: UInt8 = 7
    private static let endTag: UInt8 = 1

    /// Where the value that begins there ends.
    private static func end(ofValueAt start: Int, in key: [UInt8], _ order: Order) -> Int {
        var position = start
        var depth = 0
        repeat {
            guard position < key.count else { return key.count }
            let tag = key[position]
            position += 1
            switch (tag, order) {
            case (endTag, _): depth -= 1
            case (arrayTag, _), (8, .unicode), (6, .raw): depth += 1
            case (5, .unicode), (2, .raw): position += 8
            case (6, .unicode), (8, .raw):
                while position < key.count {
                    position += 1
                    guard key[position - 1] == 0 else { continue }
                    // Of raw texts a 0 with 255 behind it is part of the text.
                    if order == .raw, position < key.count, key[position] == 255 { continue }
                    break
                }
            default: break
            }
        } while depth > 0
        return min(position, key.count)
    }
}
