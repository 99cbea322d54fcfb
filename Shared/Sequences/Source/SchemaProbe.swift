import JSON

/// What readers ask of a value that is not there: how a JSON Schema of the format is made of the readers themselves.
///
/// A reading with ``SchemaProbes`` finds every member that it asks for, without content; what it asks for is noted. A
/// list has one element then, and a mapping of any names one member. What a reader decides only when it has seen the
/// content is noted as any value, so the schema may take what the check refuses, and never the other way round.
package final class SchemaProbe {
    /// What a value may be, as the reader says by the way in which it asks.
    package enum Kind: Sendable, Hashable {
        case any
        case text
        case flag(Bool)
        case integer(ClosedRange<Int>)
        case duration
        case choice([String], default: String)
        /// JavaScript that is written without `=`.
        case expression
        /// A name that expressions can use.
        case variable
        case steps
        /// A list of lists of steps.
        case branches
        /// Elements of one kind; a single one stands for a list of one.
        case list
        /// Members of any names.
        case mapping
    }

    package fileprivate(set) var kind = Kind.any
    package fileprivate(set) var isRequired = false
    /// Whether it was opened as a mapping of known names.
    package fileprivate(set) var isObject = false
    /// The known members, in the order in which they were asked for.
    package fileprivate(set) var members: [(name: String, probe: SchemaProbe)] = []
    /// The element of a list, or the member of a mapping of any names.
    package fileprivate(set) var element: SchemaProbe?
    /// The texts that members have all the same, where these decide what else is read.
    package var presets: [String: String] = [:]

    fileprivate let position: SourcePosition

    fileprivate init(at position: SourcePosition) {
        self.position = position
    }
}

/// All probes of a reading, by the places of their values.
package final class SchemaProbes {
    private var probes: [SourcePosition: SchemaProbe] = [:]

    package init() {}

    /// The probe of the value at that place, which is made at the first asking.
    package func probe(at position: SourcePosition) -> SchemaProbe {
        if let known = probes[position] { return known }
        let probe = SchemaProbe(at: position)
        probes[position] = probe
        return probe
    }

    /// The member of that name, as it is found.
    func member(_ name: String, of parent: SchemaProbe) -> SourceMember {
        let child = child(name, of: parent)
        if !parent.members.contains(where: { $0.name == name }) { parent.members.append((name, child)) }
        let content = parent.presets[name].map { SourceNode.Content.scalar(.string($0)) } ?? .scalar(.null)
        return SourceMember(name: name, position: child.position, node: SourceNode(content, at: child.position))
    }

    /// Notes how a member is read.
    func note(_ kind: SchemaProbe.Kind, _ name: String, of parent: SchemaProbe, isRequired: Bool = false) {
        let child = child(name, of: parent)
        child.kind = kind
        if isRequired { child.isRequired = true }
    }

    /// The one element of a member that is a list, or a mapping of any names.
    func element(of name: String, in parent: SchemaProbe) -> SourceNode {
        let child = child(name, of: parent)
        let element = self.child("*", of: child)
        child.element = element
        return SourceNode(.scalar(.null), at: element.position)
    }

    func open(_ probe: SchemaProbe) { probe.isObject = true }

    private func child(_ name: String, of parent: SchemaProbe) -> SchemaProbe {
        // Lines and columns are what places of files have; these are paths within a schema.
        probe(at: SourcePosition(file: "\(parent.position.file)/\(name)", line: 1, column: 1))
    }
}
