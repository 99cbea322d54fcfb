/// A part of a regular expression.
indirect enum PatternNode: Sendable, Hashable {
    /// One byte of the set.
    case bytes(ByteSet)
    case sequence([PatternNode])
    case alternatives([PatternNode])
    /// At least so often, and at most so often; nil for any number.
    case repeated(PatternNode, least: Int, most: Int?)
    case assertion(PatternAssertion)

    /// Whether it matches the empty text alone, wherever it stands: repetitions of it say nothing.
    var isEmpty: Bool {
        switch self {
        case .bytes, .assertion: false
        case .sequence(let nodes), .alternatives(let nodes): nodes.allSatisfy(\.isEmpty)
        case .repeated(let node, _, let most): most == 0 || node.isEmpty
        }
    }
}

/// What must be true of a place in the text.
enum PatternAssertion: Sendable, Hashable {
    case textStart
    case lineStart
    case textEnd
    /// The end of the text, or in front of a line's end that is the last character.
    case lastLineEnd
    case lineEnd
    case wordBoundary
    case noWordBoundary

    func holds(at place: Int, in text: UnsafeBufferPointer<UInt8>) -> Bool {
        let newline = UInt8(ascii: "\n")
        switch self {
        case .textStart: return place == 0
        case .lineStart: return place == 0 || (text[place - 1] == newline && place < text.count)
        case .textEnd: return place == text.count
        case .lastLineEnd: return place == text.count || (place == text.count - 1 && text[place] == newline)
        case .lineEnd: return place == text.count || text[place] == newline
        case .wordBoundary: return Self.isWordBoundary(place, text)
        case .noWordBoundary: return !Self.isWordBoundary(place, text)
        }
    }

    private static func isWordBoundary(_ place: Int, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
        let before = place > 0 && ByteSet.word.contains(text[place - 1])
        let behind = place < text.count && ByteSet.word.contains(text[place])
        return before != behind
    }
}
