/// A regular expression whose time is bounded: what `$regex` matches with.
///
/// CouchDB hands `$regex` to PCRE, which goes back and forth, and can take for ever on a few characters. This one
/// follows all alternatives at once (Thompson's construction), so its time is the length of the text times the length
/// of the expression. The price is what cannot be matched that way: references back, looking ahead or behind, atomic
/// and possessive groups are refused. All else of PCRE's common syntax is there.
///
/// It works on bytes of UTF-8, as CouchDB's does, which does not tell PCRE that texts are Unicode: `.` is one byte.
package struct TextPattern: Sendable, Hashable {
    /// How much an expression may ask.
    package struct Limits: Sendable {
        /// How many bytes the expression may have.
        package var length = 2_000
        /// How many steps it may have once its repetitions are written out.
        package var steps = 5_000
        /// How deep groups may be nested.
        package var depth = 50

        package init() {}
    }

    /// Why an expression is none.
    package struct Invalid: Error {
        package let reason: String
    }

    /// The expression as it was written.
    package let text: String
    private let program: PatternProgram

    /// The expression of a text.
    package init(_ text: String, limits: Limits = Limits()) throws(Invalid) {
        guard text.utf8.count <= limits.length else {
            throw Invalid(reason: "more than \(limits.length) bytes")
        }
        var parser = PatternParser(Array(text.utf8), depthLimit: limits.depth)
        program = try PatternProgram(try parser.parse(), limit: limits.steps)
        self.text = text
    }

    /// How many steps it has once its repetitions are written out.
    var stepCount: Int { program.steps.count }

    /// Whether the expression is found anywhere in a text.
    package func matches(_ text: String) -> Bool {
        var work = SelectorMatcher.workLimit
        return matches(text, work: &work)
    }

    /// Whether the expression is found anywhere in a text.
    ///
    /// PCRE has a limit on its work, too; and as in CouchDB, what exceeds it does not match.
    ///
    /// - Parameter work: How much work it may be, from which what it was is taken off.
    func matches(_ text: String, work: inout Int) -> Bool {
        func isFound(in text: UnsafeBufferPointer<UInt8>) -> Bool {
            var run = PatternRun(program, work: work)
            defer { work = run.work }
            return run.matches(text)
        }
        if let found = text.utf8.withContiguousStorageIfAvailable(isFound) { return found }
        return Array(text.utf8).withUnsafeBufferPointer(isFound)
    }

    package static func == (lhs: TextPattern, rhs: TextPattern) -> Bool {
        lhs.text.utf8.elementsEqual(rhs.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(text)
    }
}
