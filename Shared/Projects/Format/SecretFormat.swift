import Sequences

extension ProjectReader {
    /// Reads a text that must not stand in a project's files: it is one symbol, and that is secret.
    func readSecret(_ name: String, required expected: String?, _ members: inout SourceMembers) -> String? {
        guard let text = members.text(name, required: expected) else { return nil }
        checkSecret(at: members.position(of: name), named: name)
        return text
    }

    /// Reports a secret that is written out, or comes from a symbol that is shown.
    func checkSecret(at position: SourcePosition, named name: String) {
        guard let symbol = symbol(at: position) else {
            problems.report(
                "'\(name)' is a secret and may not be written in a project's files",
                at: position,
                suggestion: "declare a secret symbol in project.yaml, and write ${ITS_NAME}"
            )
            return
        }
        // What follows from a problem of the declaration is no problem of its own.
        guard !problems.problems.contains(where: { $0.file == Self.mainFile }) else { return }
        if let declared = symbols.symbols[symbol], !declared.isSecret {
            problems.report(
                "'\(name)' is a secret, and the symbol '\(symbol)' is not",
                at: position,
                suggestion: "add secret: true to '\(symbol)' in project.yaml"
            )
        }
    }

    /// The symbol that is the whole text at a place.
    private func symbol(at position: SourcePosition) -> String? {
        guard let text = files[position.file] else { return nil }
        let lines = text.split(separator: "\n", maxSplits: position.line, omittingEmptySubsequences: false)
        guard lines.indices.contains(position.line - 1) else { return nil }
        var rest = lines[position.line - 1].dropFirst(position.column - 1)
        if let quote = rest.first, quote == "\"" || quote == "'" { rest = rest.dropFirst() }
        guard rest.hasPrefix("${"), let end = rest.firstIndex(of: "}") else { return nil }
        let name = String(rest[..<end].dropFirst(2))
        let next = rest[rest.index(after: end)...].first
        let isWhole = next.map { "\"', }]".contains($0) || $0.isWhitespace } ?? true
        return isWhole && Names.isVariable(name) ? name : nil
    }
}
