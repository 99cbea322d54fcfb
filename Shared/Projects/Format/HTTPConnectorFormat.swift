import JSON
import Sequences

extension ProjectReader {
    /// Reads the members of a connector of type `http`.
    func readHTTPConnector(_ members: inout SourceMembers) -> HTTPConnector? {
        let baseURL = readBaseURL(&members)
        let headers = members.fields("headers", areHeaders: true)
        let authentication = readAuthentication(&members)
        let certificates = readCertificates(&members)
        let proxy = readProxy(&members)
        let cookies: CookieKeeping = members.choice("cookies", default: .none)
        let timeout = members.duration(
            "timeout",
            atMost: HTTPConnector.longestTimeout,
            default: HTTPConnector.defaultTimeout
        )
        let responseLimit = members.integer(
            "responseLimit",
            in: 1...HTTPConnector.largestResponseLimit,
            default: HTTPConnector.defaultResponseLimit
        )
        let concurrency = members.integer("concurrency", in: 1...1_000, default: HTTPConnector.defaultConcurrency)
        let addresses = members.addresses()
        let problems = problems
        let connectorVariables = headers.flatMap(\.value.variables)
        let transactions = members.transactions(expected: "name: {method, path, …}") { member in
            HTTPTransaction(reading: member, connectorVariables: connectorVariables, problems: problems)
        }
        return baseURL.map {
            HTTPConnector(
                baseURL: $0,
                headers: headers,
                authentication: authentication,
                certificates: certificates,
                proxy: proxy,
                keepsCookies: cookies == .session,
                timeout: timeout,
                responseLimit: responseLimit,
                concurrency: concurrency,
                addresses: addresses,
                transactions: transactions
            )
        }
    }

    private func readBaseURL(_ members: inout SourceMembers) -> BaseURL? {
        guard let text = members.text("baseUrl", required: "where the back end answers, like https://erp.example.com")
        else { return nil }
        do {
            return try BaseURL(text)
        } catch {
            problems.report("the address \(error)", at: members.position(of: "baseUrl"))
            return nil
        }
    }
}

extension SourceMembers {
    /// Reads a mapping of names to texts with placeholders.
    mutating func fields(_ name: String, areHeaders: Bool = false) -> [HTTPField] {
        var seen: Set<String> = []
        return (mapping(name) ?? []).compactMap { member in
            guard case .scalar(let value) = member.node.content, !value.isNull else {
                reportType(of: member.name, expected: "a text", found: member.node)
                return nil
            }
            if areHeaders, !isHeader(member, value.stringValue ?? "", seen: &seen) { return nil }
            return HTTPField(name: member.name, value: PlaceholderText(value.stringValue ?? value.text))
        }
    }

    /// Headers that the sender makes itself: setting them would break the message's framing.
    private static let ownHeaders: Set<String> = [
        "connection", "content-length", "host", "idempotency-key", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    private func isHeader(_ member: SourceMember, _ value: String, seen: inout Set<String>) -> Bool {
        let name = member.name.lowercased()
        let isToken =
            !name.isEmpty
            && name.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
        guard isToken else {
            problems.report("'\(member.name)' is no name of a header", at: member.position)
            return false
        }
        guard !Self.ownHeaders.contains(name) else {
            problems.report("the header '\(member.name)' is set by the connector itself", at: member.position)
            return false
        }
        guard seen.insert(name).inserted else {
            problems.report("the header '\(member.name)' stands twice", at: member.position)
            return false
        }
        guard value.utf8.allSatisfy({ $0 == 0x09 || (0x20...0x7E).contains($0) }) else {
            problems.report(
                "the header '\(member.name)' may hold printable ASCII characters only",
                at: member.node.position
            )
            return false
        }
        return true
    }
}
