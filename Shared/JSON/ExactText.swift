/// A string that is equal to another only when their code points are the same.
///
/// Swift's strings are equal when Unicode calls them canonically equivalent, so that `é` in one code point equals `é`
/// in two. To JSON they are different names and different values, and so they are wherever names decide rights. The
/// order is that of the bytes of UTF-8.
package struct ExactText: Hashable, Comparable, Sendable {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package static func == (lhs: ExactText, rhs: ExactText) -> Bool {
        areEqual(lhs.text, rhs.text)
    }

    package static func < (lhs: ExactText, rhs: ExactText) -> Bool {
        lhs.text.utf8.lexicographicallyPrecedes(rhs.text.utf8)
    }

    package static func areEqual(_ lhs: String, _ rhs: String) -> Bool {
        lhs.utf8.count == rhs.utf8.count && lhs.utf8.elementsEqual(rhs.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(bytesOf: text)
    }
}

extension ExactText: ExpressibleByStringInterpolation, CustomStringConvertible {
    package init(stringLiteral text: String) { self.init(text) }

    package var description: String { text }
}

extension Sequence<ExactText> {
    /// The strings, in the order of their bytes.
    package var sortedTexts: [String] { sorted().map(\.text) }
}

extension StringProtocol {
    /// Whether the text begins with that very prefix, byte by byte.
    ///
    /// `hasPrefix` compares characters: `_design/` is no prefix to it where an accent follows, which makes one
    /// character of the slash and itself, while every store that compares bytes finds it.
    package func beginsExactly(with prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    /// What stands behind that very prefix; nil when the text does not begin with it.
    package func rest(behind prefix: String) -> String? {
        guard beginsExactly(with: prefix) else { return nil }
        return String(decoding: utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }
}

extension Hasher {
    /// Adds the bytes of a text's UTF-8: for names that are equal by their bytes alone.
    package mutating func combine(bytesOf text: String) {
        let isDone: Void? = text.utf8.withContiguousStorageIfAvailable {
            combine(bytes: UnsafeRawBufferPointer($0))
        }
        if isDone == nil { for byte in text.utf8 { combine(byte) } }
    }
}
