/// A string that must never be seen in a log, an error or a debugger's dump: a password, a token, a key.
///
/// Whatever prints it prints `<secret>`. The one who needs the value says so with ``reveal()``.
package struct Secret: Sendable, Hashable {
    private let value: String

    package init(_ value: String) {
        self.value = value
    }

    /// The value itself, for the one place that hands it to a server or a library.
    package func reveal() -> String {
        value
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<secret>" }

    package var debugDescription: String { "<secret>" }

    package var customMirror: Mirror { Mirror(self, children: EmptyCollection()) }
}
