import Testing

/// A project with one thing wrong, and what is said about it.
struct WrongProject: Sendable, CustomTestStringConvertible {
    let changes: [String: String?]
    /// The problem as it is printed: file, line, column, message and suggestion.
    let problem: String

    /// A text of the shop's file, with another in its place.
    static func replacing(_ old: String, with new: String, in file: String, gives problem: String) -> WrongProject {
        let text = ShopProject.files[file] ?? ""
        let pieces = text.split(separator: old, maxSplits: 1, omittingEmptySubsequences: false)
        // A text that is not there changes nothing, and the project without a problem fails the test.
        let changed = pieces.count == 2 ? pieces[0] + new + pieces[1] : text[...]
        return WrongProject(changes: [file: String(changed)], problem: problem)
    }

    /// A file that is added or replaced.
    static func writing(_ text: String, to file: String, gives problem: String) -> WrongProject {
        WrongProject(changes: [file: text], problem: problem)
    }

    /// A file that is left out.
    static func removing(_ file: String, gives problem: String) -> WrongProject {
        WrongProject(changes: [file: nil], problem: problem)
    }

    /// Steps in a sequence of their own.
    static func steps(_ steps: String, gives problem: String) -> WrongProject {
        .writing("steps:\n\(steps)", to: "sequences/wrong.yaml", gives: problem)
    }

    var testDescription: String { problem }
}
