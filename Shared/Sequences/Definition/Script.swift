/// A piece of JavaScript in a project, with the place where it was written.
package struct Script: Sendable, Hashable {
    /// How the text is to be read.
    package enum Form: Sendable, Hashable {
        /// One expression; its value is the result.
        case expression
        /// The body of a function; what it returns is the result.
        case body
    }

    package let form: Form
    package let source: String
    package let position: SourcePosition
    /// Where its first line stands when its lines are lines of the file; nil when only the ``position`` is known.
    package let blockStart: SourcePosition?
    /// The names that the text may refer to, or nil when that cannot be told from its letters.
    ///
    /// Wider than the truth (it counts words in strings and members' names), never narrower: a caller may leave every
    /// other name out of the scope that it sends to the engine.
    package let mentionedNames: Set<String>?

    package init(
        _ form: Form,
        _ source: String,
        at position: SourcePosition,
        blockStart: SourcePosition? = nil
    ) {
        self.form = form
        self.source = source
        self.position = position
        self.blockStart = blockStart
        mentionedNames = Self.words(in: source)
    }

    /// JavaScript that a value in a project file holds.
    init(_ form: Form, _ source: String, of node: SourceNode) {
        self.init(form, source, at: node.position, blockStart: node.blockStart)
    }

    /// Where its first line stands, as well as that is known.
    package var start: SourcePosition { blockStart ?? position }

    /// The words of a JavaScript text; nil when it may name variables by other means (`eval`, escapes).
    private static func words(in source: String) -> Set<String>? {
        var words: Set<String> = []
        var word: [UInt8] = []
        func end() {
            if let first = word.first, !Names.isDigit(first) { words.insert(String(decoding: word, as: UTF8.self)) }
            word.removeAll(keepingCapacity: true)
        }
        for byte in source.utf8 {
            // Letters beyond ASCII may stand in identifiers too.
            if Names.isIdentifierByte(byte) || byte >= 0x80 { word.append(byte) } else { end() }
        }
        end()
        let escapes = words.contains("eval") || words.contains("Function") || words.contains("constructor")
        return escapes || source.contains(#"\u"#) ? nil : words
    }
}
