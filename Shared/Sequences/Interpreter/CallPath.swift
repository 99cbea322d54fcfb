/// Where in a run something happens: the same on every run of the same sequence with the same decisions.
///
/// `3.then.1` is the first step of the `then` of the third step; `3.do#2.1` the first step in the second turn of a
/// loop; `3.branch2.1` in the second branch of a `parallel`; after `/` come the steps of a sequence that was called.
package struct CallPath: Sendable, Hashable, CustomStringConvertible {
    /// The path as people read it, with the numbers of loops' turns.
    package let description: String

    /// The path with the turns' names (``TurnNaming``), which say what they are for: `3.do@bWFpbnRlbmFuY2Ux.1`.
    ///
    /// No two steps of a run have the same one, so run and key together name an effect that is done once.
    package let key: String

    private init(_ text: String, key: String) {
        description = text
        self.key = key
    }

    /// The path of the run itself.
    package static let root = CallPath("", key: "")

    /// The path of the step with that number, from 1, in the block at this path.
    func step(_ number: Int) -> CallPath {
        let needsDot = !description.isEmpty && !description.hasSuffix("/")
        let end = (needsDot ? "." : "") + String(number)
        return CallPath(description + end, key: key + end)
    }

    /// The path of a block inside the step at this path.
    func block(_ label: String) -> CallPath {
        CallPath("\(description).\(label)", key: "\(key).\(label)")
    }

    /// The path of a turn of a loop's block; `turn` counts from 1, and `name` is that of ``TurnNames``.
    func block(_ label: String, turn: Int, named name: String) -> CallPath {
        CallPath("\(description).\(label)#\(turn)", key: "\(key).\(label)\(name)")
    }

    /// The path of the sequence that the step at this path calls.
    var calledSequence: CallPath { CallPath(description + "/", key: key + "/") }
}
