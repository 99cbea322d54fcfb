/// Why a text is not read as XML, or a value not written as such.
package struct XMLError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong; holds nothing of the text.
    package let reason: String
    /// The line of the text, from 1; nil for values.
    package let line: Int?

    package init(_ reason: String, line: Int? = nil) {
        self.reason = reason
        self.line = line
    }

    package var description: String { reason + (line.map { ", in line \($0)" } ?? "") }
}
