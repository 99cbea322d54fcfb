/// What a service asks of a script host.
///
/// Each case is one message and has exactly one ``HostReply``.
package enum HostRequest: Sendable {
    /// The first message: the version of the protocol and the limits of everything that follows.
    case hello(version: Int, limits: HostLimits)
    /// Calls each of the functions with each of the documents, which are JSON texts.
    case map(FunctionsReference, documents: [ArraySlice<UInt8>])
    /// Calls the one reduce function with each of the groups.
    case reduce(FunctionsReference, groups: [ReduceInput])
    /// Calls the one filter function with each of the documents and a request.
    case filter(FunctionsReference, documents: [ArraySlice<UInt8>], request: ArraySlice<UInt8>)
    /// Calls the one validation function about each of the writes, which share their two last arguments.
    case validate(FunctionsReference, writes: [ValidatedWrite], context: [ArraySlice<UInt8>])
    /// Calls the one update function with its two arguments, JSON texts.
    case update(FunctionsReference, arguments: [ArraySlice<UInt8>])
    /// Compiles the functions and does nothing else.
    case check(FunctionsReference)
    /// Parses a text as what it is to be, and runs nothing of it.
    case parse(text: String, form: SourceForm)
    /// Runs an expression or statements.
    case evaluate(Evaluation)

    /// The version that this code speaks.
    package static let version = 1
}

/// What a text is to be that is parsed and not run.
package enum SourceForm: String, Sendable, CaseIterable {
    /// One expression of a sequence.
    case expression
    /// Statements of a sequence that may `return`.
    case statements
    /// A function of a design document.
    case function
    /// A CommonJS module.
    case module
}

/// The limits that a host needs to know.
package struct HostLimits: Sendable, Hashable {
    package var callMilliseconds: Int
    package var memory: Int
    package var inputSize: Int
    package var outputSize: Int
    package var environments: Int
    package var sessions: Int
}

/// Functions that a host may have compiled already.
package struct FunctionsReference: Sendable {
    /// The number by which the parent calls them.
    package var number: Int
    /// The functions, when the host is known not to have them; else it answers ``HostReply/missing``.
    package var definition: Definition?

    /// What a host needs to compile functions.
    package struct Definition: Sendable {
        package var sources: [ScriptSource]
        package var library: ArraySlice<UInt8>
    }
}

/// An expression, or statements, in a session.
package struct Evaluation: Sendable {
    /// A value that the code sees.
    package struct Binding: Sendable {
        package var name: String
        package var version: Int
        /// The value's JSON text, unless the host is believed to have this version.
        package var json: ArraySlice<UInt8>?
        /// Whether the code sees a function that gets modules, whose texts the value has by name.
        package var isModules = false
    }

    package var session: Int
    /// Whether the text is statements with a `return`, not an expression.
    package var isStatements: Bool
    package var text: String
    package var location: ScriptLocation
    package var bindings: [Binding]
    /// Sessions that have ended, which the host may forget.
    package var ended: [Int]
}
