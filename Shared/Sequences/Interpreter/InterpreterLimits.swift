import JSON

/// How much one run may ask of its worker.
package struct InterpreterLimits: Sendable, Hashable {
    /// How many steps a run carries out, called sequences included.
    package var steps = 100_000
    /// How many turns one loop may take.
    package var turns = 100_000
    /// How deep sequences may call sequences.
    package var callDepth = 16
    /// How large one value may be, in bytes of JSON: an answer of a call, a variable, an expression's result.
    package var valueSize = 32 << 20
    /// How deep one value may be nested: some less than any JSON may be, as messages and rows have values within them.
    package var valueDepth = JSONLimits.deepest - 100
    /// How large the answer may be, in bytes of JSON; what later members replace counts too.
    package var outputSize = 32 << 20
    /// How many branches of one `parallel` run at once, whatever the sequence says.
    package var parallelBranches = 16
    /// How long one `sleep` may be.
    package var sleep = Duration.seconds(3_600)

    /// The limits of a worker that is not told otherwise.
    package init() {}
}
