package import JSON

/// The state of one sequence while its steps run.
///
/// A value: a loop's turn or a parallel branch works on a copy, and what must not come out of it simply is not copied
/// back.
package struct Frame: Sendable {
    /// The sequence's variables and the names that its steps have set.
    package internal(set) var names: JSONObject
    /// What `output` has built so far.
    package internal(set) var output = JSONObject()
    /// The answer that a `return` gave instead of the output.
    package internal(set) var answer: JSONValue?
    /// How the HTTP call is answered that started the run.
    package internal(set) var response = ResponseHead()
    /// Who is authenticated.
    package internal(set) var identity: Identity?

    let sequence: SequenceDefinition
    /// How many calls of sequences there are around this one.
    let depth: Int
    let deadline: ContinuousClock.Instant
    /// Set in branches of a `parallel`, which end between steps when a sibling has failed.
    var branch: ParallelStop?
    /// Bytes of JSON that `output` has been given.
    var outputSize = 0

    /// The scope of scripts: the sequence's own names, which hide `user`, `groups`, `run` and `symbols`.
    func scope(run: RunDescription, symbols: JSONObject) -> JSONObject {
        let builtIn: JSONObject = [
            "user": identity.map { .string($0.user) } ?? .null,
            "groups": .array((identity?.groups ?? []).map { .string($0) }),
            "run": run.json,
            "symbols": .object(symbols),
        ]
        return builtIn.merging(names)
    }
}
