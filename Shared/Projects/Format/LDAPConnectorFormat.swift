import JSON
import Sequences

extension ProjectReader {
    /// Reads the members of a connector of type `ldap`.
    func readLDAPConnector(_ members: inout SourceMembers) -> LDAPConnector? {
        let hosts = readHosts(&members)
        let security = members.security()
        let startsTLS = members.flag("startTLS", default: false)
        if startsTLS, security.mode == .none {
            problems.report("'startTLS' and tls: none exclude each other", at: members.position(of: "startTLS"))
        }
        let isSecure = security.mode != .none && !startsTLS
        let port = members.integer("port", in: 1...65_535, default: isSecure ? 636 : 389)
        let account = readAccount(&members)
        let base = members.name("base")
        let timeout = members.duration(
            "timeout",
            atMost: LDAPConnector.longestTimeout,
            default: LDAPConnector.defaultTimeout
        )
        let responseLimit = members.integer(
            "responseLimit",
            in: 1...LDAPConnector.largestResponseLimit,
            default: LDAPConnector.defaultResponseLimit
        )
        let concurrency = members.integer("concurrency", in: 1...200, default: LDAPConnector.defaultConcurrency)
        let addresses = members.addresses()
        let problems = problems
        let transactions = members.transactions(expected: "name: {search: {filter: …}}") { member in
            LDAPTransaction(reading: member, base: base, problems: problems)
        }
        guard let hosts else { return nil }
        return LDAPConnector(
            hosts: hosts,
            port: port,
            security: security,
            startsTLS: startsTLS,
            account: account,
            timeout: timeout,
            responseLimit: responseLimit,
            concurrency: concurrency,
            addresses: addresses,
            transactions: transactions
        )
    }

    private func readHosts(_ members: inout SourceMembers) -> [String]? {
        let nodes = members.list("host") ?? []
        guard !nodes.isEmpty else {
            members.reportMissing("host", expected: "where the directory answers, like ldap.example.com, or a list")
            return nil
        }
        return nodes.compactMap { node in
            guard let host = node.string, SourceMembers.isHost(host) else {
                problems.report("a host is a name or an address", at: node.position)
                return nil
            }
            return host
        }
    }

    private func readAccount(_ members: inout SourceMembers) -> LDAPAccount? {
        guard let member = members.take("bind"), !member.node.isNull,
            var reader = SourceMembers(member.node, subject: "'bind'", problems: problems)
        else { return nil }
        let dn = reader.text("dn", required: "the name of the account that searches")
        let password = readSecret("password", required: "the account's password, from a secret symbol", &reader)
        reader.finish()
        if let dn, !LDAPSyntax.isName(dn) {
            problems.report("'dn' is no name of a directory's entry", at: reader.position(of: "dn"))
        }
        guard let dn, let password else { return nil }
        return LDAPAccount(dn: dn, password: password)
    }
}

extension LDAPTransaction {
    /// Reads one of an LDAP connector's `transactions`.
    init?(reading member: SourceMember, base: PlaceholderText?, problems: ProblemCollector) {
        guard var members = SourceMembers(member.node, subject: "a transaction", problems: problems) else { return nil }
        let problemsBefore = problems.problems.count
        name = member.name
        position = member.position
        description = members.text("description")
        let timeout = members.duration("timeout", atMost: LDAPConnector.longestTimeout, default: .zero)
        self.timeout = timeout == .zero ? nil : timeout
        let search = members.take("search")?.node
        let authenticate = members.take("authenticate")?.node
        if search != nil, let authenticate {
            problems.report("'search' and 'authenticate' exclude each other", at: authenticate.position)
        } else if search == nil, authenticate == nil {
            members.reportMissing("search", expected: "what is looked for, or 'authenticate': who is told apart")
        }
        var action: Action?
        if let search, var reader = SourceMembers(search, subject: "'search'", problems: problems) {
            action = reader.searchTemplate(base: base).map { .search($0) }
            reader.finish()
        }
        if let authenticate, var reader = SourceMembers(authenticate, subject: "'authenticate'", problems: problems) {
            action = reader.authentication(base: base).map { .authenticate($0) }
            reader.finish()
        }
        // What follows from a problem that is reported is no problem of its own.
        guard problems.problems.count == problemsBefore, let action else {
            _ = members.variables()
            members.finish()
            return nil
        }
        self.action = action
        switch action {
        case .search(let search):
            variables = members.variables(
                for: search.variables,
                required: Set(search.base.variables),
                of: name,
                at: position
            )
        case .authenticate(let authentication):
            variables = members.variables(
                for: authentication.variables,
                required: Set(authentication.variables),
                of: name,
                at: position
            )
            if !members.has("variables") { variables.becomeCredentials(password: authentication.password) }
        }
        members.finish()
    }
}

extension [VariableDefinition] {
    /// What a name and a password are when nobody says otherwise: texts, of which one is shown nowhere.
    fileprivate mutating func becomeCredentials(password: String) {
        for index in indices {
            self[index].type = .string
            self[index].isSecret = self[index].name == password
        }
    }
}

extension SourceMembers {
    /// Whether a text is a name or an address.
    static func isHost(_ host: String) -> Bool {
        !host.isEmpty && host.utf8.count <= 255
            && host.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || ".-_:".utf8.contains(byte)
            }
    }

    /// Reads a distinguished name with placeholders.
    fileprivate mutating func name(_ name: String, required expected: String? = nil) -> PlaceholderText? {
        guard let written = text(name, required: expected) else { return nil }
        let text = PlaceholderText(written)
        if !LDAPSyntax.isName(text.withoutVariables) {
            problems.report(
                "'\(name)' is no name of a directory's entry, like ou=people,dc=example,dc=org",
                at: position(of: name)
            )
        }
        // Also one that is none: that it is missing would be a problem too many.
        return text
    }

    /// Reads the members of a search.
    fileprivate mutating func searchTemplate(base standard: PlaceholderText?) -> LDAPSearchTemplate? {
        let filter = filter()
        let scope: LDAPSearchTemplate.Scope = choice("scope", default: .subtree)
        let base = name("base") ?? standard
        if base == nil, !has("base") {
            reportMissing("base", expected: "where the search begins, here or of the connector")
        }
        let attributes = attributeNames("attributes")
        let binary = attributeNames("binary")
        let limit = integer("limit", in: 1...LDAPConnector.largestLimit, default: LDAPConnector.defaultLimit)
        guard let filter, let base else { return nil }
        return LDAPSearchTemplate(
            base: base,
            scope: scope,
            filter: filter,
            attributes: attributes,
            binary: Set(binary.map { $0.lowercased() }),
            limit: limit
        )
    }

    private mutating func filter() -> PlaceholderText? {
        guard let written = text("filter", required: "what entries must have, like (uid={user})") else { return nil }
        let text = PlaceholderText(written)
        if !LDAPSyntax.isFilter(text.withoutVariables) {
            problems.report(
                "'filter' is no filter of LDAP, like (&(objectClass=person)(uid={user}))",
                at: position(of: "filter")
            )
        }
        return text
    }

    /// Reads the members of an authentication.
    fileprivate mutating func authentication(base: PlaceholderText?) -> LDAPAuthentication? {
        let password = text("password", required: "the variable that holds it, like \"{password}\"")
            .map(PlaceholderText.init)
        if let password, password.onlyVariable == nil {
            problems.report(
                "'password' must be one variable",
                at: position(of: "password"),
                suggestion: "write \"{password}\""
            )
        }
        let subject: LDAPAuthentication.Subject?
        var attributes: [String] = []
        var binary: Set<String> = []
        if has("dn"), has("filter") {
            problems.report("'dn' and 'filter' exclude each other", at: position(of: "filter"))
        }
        // For a JSON Schema, everything is asked for that either way knows, and none of it must be there.
        if problems.probes != nil {
            for name in ["dn", "filter", "base"] { _ = text(name) }
            let _: LDAPSearchTemplate.Scope = choice("scope", default: .subtree)
            _ = integer("limit", in: 1...LDAPConnector.largestLimit, default: LDAPConnector.defaultLimit)
            _ = attributeNames("attributes") + attributeNames("binary")
            subject = nil
        } else if has("filter") {
            let search = searchTemplate(base: base)
            attributes = search?.attributes ?? []
            binary = search?.binary ?? []
            subject = search.map { .search($0) }
            _ = text("dn")
        } else {
            let name = name("dn", required: "the user's name in the directory, or 'filter': how it is found")
            _ = take("filter")
            attributes = attributeNames("attributes")
            binary = Set(attributeNames("binary").map { $0.lowercased() })
            subject = name.map { .name($0) }
        }
        guard let subject, let password = password?.onlyVariable else { return nil }
        return LDAPAuthentication(subject: subject, password: password, attributes: attributes, binary: binary)
    }

    private mutating func attributeNames(_ name: String) -> [String] {
        (list(name) ?? []).compactMap { node in
            guard let text = node.string, LDAPSyntax.isAttributeName(text) else {
                problems.report("'\(name)' takes names of attributes", at: node.position)
                return nil
            }
            return text
        }
    }
}

extension PlaceholderText {
    /// The text with a letter in the place of each variable.
    var withoutVariables: String {
        parts.map { part in
            switch part {
            case .literal(let text): text
            case .variable: "x"
            }
        }.joined()
    }
}
