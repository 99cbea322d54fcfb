import Sequences

extension SourceMembers {
    /// Reads `addresses`: what may be reached.
    mutating func addresses() -> AddressRules {
        guard let nodes = list("addresses") else { return .standard }
        var rules: [AddressRules.Rule] = []
        for node in nodes {
            if let rule = node.string.flatMap(AddressRules.Rule.init) {
                rules.append(rule)
            } else {
                let words = ["public", "private", "loopback", "linkLocal"]
                let near = node.string.flatMap { nearestName(to: $0, among: words) }
                problems.report(
                    "'addresses' takes public, private, loopback, linkLocal, and networks like 10.1.0.0/16",
                    at: node.position,
                    suggestion: near.map { "did you mean '\($0)'?" }
                )
            }
        }
        return AddressRules(rules)
    }

    /// Reads `host`: a name, an IPv4 address, or an IPv6 address without brackets.
    mutating func host(required expected: String) -> String? {
        guard let host = text("host", required: expected) else { return nil }
        guard Self.isHost(host) else {
            problems.report("a host is a name or an address", at: position(of: "host"))
            return nil
        }
        return host
    }

    /// Reads `tls` and `certificateAuthority`.
    mutating func security(default standard: ConnectionSecurity.Mode = .verify) -> ConnectionSecurity {
        let mode: ConnectionSecurity.Mode = choice("tls", default: standard)
        let authority = text("certificateAuthority")
        if let authority, !authority.contains("-----BEGIN CERTIFICATE-----") {
            problems.report(
                "'certificateAuthority' must be certificates as PEM (-----BEGIN CERTIFICATE-----)",
                at: position(of: "certificateAuthority")
            )
        } else if authority != nil, mode != .verify {
            problems.report(
                "'certificateAuthority' is for tls: verify",
                at: position(of: "certificateAuthority")
            )
        }
        return ConnectionSecurity(mode: mode, certificateAuthority: authority)
    }

    /// Reads the transactions of a connector.
    mutating func transactions<Transaction>(
        expected: String,
        _ read: (SourceMember) -> Transaction?
    ) -> [String: Transaction] {
        let declared = mapping("transactions")
        if declared == nil, !has("transactions") {
            reportMissing("transactions", expected: "a mapping (\(expected))")
        }
        var result: [String: Transaction] = [:]
        for member in declared ?? [] {
            guard Names.isThing(member.name) else {
                problems.report(
                    "'\(member.name)' is no name for a transaction: letters, digits, '-' and '_' only, a letter first",
                    at: member.position
                )
                continue
            }
            result[member.name] = read(member)
        }
        return result
    }

    /// The declared variables, or those that the placeholders need; reports the ones that do not fit one another.
    mutating func variables(
        for placeholders: [String],
        required: Set<String> = [],
        of name: String,
        at position: SourcePosition
    ) -> [VariableDefinition] {
        guard let declared = variables() else {
            var seen: Set<String> = []
            return placeholders.filter { seen.insert($0).inserted }.map {
                VariableDefinition(name: $0, isRequired: required.contains($0))
            }
        }
        let names = declared.map(\.name)
        for placeholder in Set(placeholders).sorted() where !names.contains(placeholder) {
            problems.reportUnknown(
                "the placeholder {\(placeholder)} stands for no variable of '\(name)'",
                name: placeholder,
                among: names,
                at: position
            )
        }
        for variable in declared where !placeholders.contains(variable.name) {
            problems.report(
                "the variable '\(variable.name)' is used nowhere in '\(name)'",
                at: variable.position ?? position,
                suggestion: "write {\(variable.name)} where its value belongs"
            )
        }
        return declared
    }
}
