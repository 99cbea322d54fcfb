/// Where in a run something happens: the same on every run of the same sequence with the same decisions.
///
/// `3.then.1` is the first step of the `then` of the third step; `3.do#2.1` the first step in the second turn of a
/// loop; `3.branch2.1` in the second branch of a `parallel`; after `/` come the steps of a sequence that was called.
/// No two steps of a run have the same path, so run and path together are the key under which an effect is done once.
package struct CallPath: Sendable, Hashable, CustomStringConvertible {
    package let description: String

    private init(_ text: String) {
        description = text
    }

    /// The path of the run itself.
    package static let root = CallPath("")

    /// The path of the step with that number, from 1, in the block at this path.
    func step(_ number: Int) -> CallPath {
        let needsDot = !description.isEmpty && !description.hasSuffix("/")
        return CallPath(description + (needsDot ? "." : "") + String(number))
    }

    /// The path of a block inside the step at this path; `turn`, from 1, when the block is run more than once.
    func block(_ label: String, turn: Int? = nil) -> CallPath {
        CallPath("\(description).\(label)" + (turn.map { "#\($0)" } ?? ""))
    }

    /// The path of the sequence that the step at this path calls.
    var calledSequence: CallPath { CallPath(description + "/") }
}
