import Collation
import GRDB
import ViewRules

/// Reduces the rows of a range, of which those in blocks that are as they were are not read.
struct BlockScan {
    private let view: Int64
    private let range: KeyRange
    private let first: RowPlace?
    private let end: RowPlace?
    private let reader: StoreReader
    private(set) var groups: GroupReader
    /// What the blocks of the view should become.
    private(set) var changes: [BlockChange] = []

    /// Neighbouring rows that have to be read.
    private struct Stretch {
        let start: RowPlace
        /// Where the next block begins; nil at the end of the view.
        let end: RowPlace?
        /// Where the blocks begin that it is made of.
        let starts: [RowPlace]

        /// The stretch with the one beside it, on whichever side that is.
        func joined(_ other: Stretch) -> Stretch {
            let (left, right) = start < other.start ? (self, other) : (other, self)
            return Stretch(start: left.start, end: right.end, starts: left.starts + right.starts)
        }
    }

    init(of view: Int64, in range: KeyRange, _ reader: StoreReader, _ groups: GroupReader) {
        (self.view, self.range, self.reader, self.groups) = (view, range, reader, groups)
        (first, end) = (range.firstPlace, range.endPlace)
    }

    /// Reduces until the range or the number of groups that are wanted is at its end.
    mutating func run() throws {
        var blocks = try reader.blocks(of: view, from: first, to: end, isDescending: range.isDescending, groups.builtIn)
        /// Blocks whose rows have changed, which are cut anew together.
        var changed: Stretch?
        while let (block, end) = try blocks.next() {
            let stretch = Stretch(start: block.start, end: end, starts: [block.start])
            guard let content = block.content else {
                changed = changed?.joined(stretch) ?? stretch
                continue
            }
            if let rows = changed {
                changed = nil
                guard try read(rows, isReplaced: true) else { return }
            }
            if !isWithin(stretch, content) {
                // It is cut by the range and by nothing of its own, so it stays.
                guard try read(stretch, isReplaced: false) else { return }
            } else if content.isOneGroup(groups.grouping, groups.order) {
                guard try groups.add(content) else { return }
            } else {
                guard try read(stretch, isReplaced: true) else { return }
            }
        }
        if let changed { guard try read(changed, isReplaced: true) else { return } }
        try groups.finish()
    }

    /// Whether all rows of the block are in the range.
    private func isWithin(_ stretch: Stretch, _ content: KeptBlock.Content) -> Bool {
        if let first, stretch.start < first, RowPlace(key: content.firstKey, id: "", position: 0) < first {
            return false
        }
        if let end, stretch.end.map({ end < $0 }) ?? true, end < RowPlace.behind(content.lastKey) { return false }
        return true
    }

    /// Takes the rows of a stretch in that are in the range.
    ///
    /// - Returns: Whether there was room for their groups.
    private mutating func read(_ stretch: Stretch, isReplaced: Bool) throws -> Bool {
        let start = first.map { max($0, stretch.start) } ?? stretch.start
        let end = [self.end, stretch.end].compactMap { $0 }.min()
        var (one, last): (RowPlace?, RowPlace?)
        var hasRoom = true
        let reader = reader
        try reader.forEachRow(of: view, from: start, to: end, isDescending: range.isDescending) { row in
            hasRoom = try groups.add(row)
            guard hasRoom else { return false }
            let place = row.place
            if one == nil { one = place }
            last = place
            return true
        }
        let made = try groups.settle()
        if isReplaced {
            let read = one.flatMap { one in last.map { range.isDescending ? ($0, one) : (one, $0) } }
            if let change = change(of: stretch, made, read: read, isWhole: hasRoom) { changes.append(change) }
        }
        return hasRoom
    }

    /// What becomes of a stretch that was read.
    ///
    /// - Parameters:
    ///   - made: Its rows, cut into blocks.
    ///   - read: The first and the last row that were read; nil when none was.
    ///   - isWhole: Whether none was left because there were groups enough.
    private func change(
        of stretch: Stretch,
        _ made: [KeptBlock],
        read: (first: RowPlace, last: RowPlace)?,
        isWhole: Bool
    ) -> BlockChange? {
        let isCutBelow = !isWhole && range.isDescending || first.map { stretch.start < $0 } ?? false
        let isCutAbove =
            !isWhole && !range.isDescending || end.map { end in stretch.end.map { end < $0 } ?? true } ?? false
        guard let read, made.contains(where: { $0.content != nil }) else {
            // Nothing to keep. Blocks without rows go, and some with few rows become one.
            guard !isCutBelow, !isCutAbove, stretch.starts.count > 1 || read == nil else { return nil }
            let isFirst = stretch.start == .start
            let starts = read == nil && !isFirst ? stretch.starts : Array(stretch.starts.dropFirst())
            return starts.isEmpty ? nil : BlockChange(starts: starts, blocks: [])
        }
        var blocks: [KeptBlock] = []
        if isCutBelow, stretch.start < read.first { blocks.append(KeptBlock(start: stretch.start, content: nil)) }
        for block in made {
            // What lies in front of the first row belongs to its block.
            let start = blocks.isEmpty ? stretch.start : block.start
            if block.content == nil, let before = blocks.last, before.content == nil { continue }
            blocks.append(KeptBlock(start: start, content: block.content))
        }
        if isCutAbove, blocks.last?.content != nil, stretch.end.map({ read.last.next < $0 }) ?? true {
            blocks.append(KeptBlock(start: read.last.next, content: nil))
        }
        return BlockChange(starts: stretch.starts, blocks: blocks)
    }
}
