package import JSON

/// `respond: {status: 201, headers: {Location: …}}`: how the HTTP call is answered that started the run, if one did.
///
/// What is not said stays; the answer itself is what `output` or `return` gives. A sequence that another one calls
/// answers nobody.
struct RespondStep: StepAction {
    static let keyword = "respond"

    let status: Template?
    let headers: Template?

    init?(reading members: inout StepMembers) {
        let node = members.value()
        guard var reader = SourceMembers(node, subject: "'respond'", problems: members.problems) else { return nil }
        let status = reader.take("status")?.node
        let headers = reader.take("headers")?.node
        if status == nil, headers == nil { reader.reportMissing("status", expected: "a status of HTTP, or 'headers'") }
        reader.finish()
        self.status = status.map(Template.init)
        self.headers = headers.map(Template.init)
        if members.surroundings.isInParallel {
            members.problems.report("'respond' inside of a 'parallel'", at: members.position)
            return nil
        }
        if let status, case .literal(let value)? = self.status, ResponseHead.status(value) == nil {
            members.problems.report(ResponseHead.statusReason, at: status.position)
        }
        for name in self.headers?.memberNames ?? [] where !ResponseHead.maySet(name) {
            members.problems.report(ResponseHead.reservedReason(name), at: headers?.position ?? node.position)
        }
    }

    var scripts: [Script] { (status?.scripts ?? []) + (headers?.scripts ?? []) }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        if let status {
            let value = try await execution.evaluate(status, at: site, in: frame)
            guard let code = ResponseHead.status(value) else {
                throw SequenceFailure(code: .invalidValue, message: ResponseHead.statusReason)
            }
            frame.response.status = code
        }
        if let headers {
            let value = try await execution.evaluate(headers, at: site, in: frame)
            guard let members = value.objectValue else {
                throw SequenceFailure(code: .invalidValue, message: "'headers' needs an object of texts")
            }
            for (name, value) in members {
                guard ResponseHead.maySet(name) else {
                    throw SequenceFailure(code: .invalidValue, message: ResponseHead.reservedReason(name))
                }
                frame.response.headers[name] = .string(try ResponseHead.content(value, of: name))
            }
        }
        return .next
    }
}

/// How a call by HTTP is answered, beside the answer itself.
package struct ResponseHead: Sendable, Hashable {
    /// Nil for what the outcome says.
    package var status: Int?
    /// Texts by the names of headers.
    package var headers = JSONObject()

    package init() {}

    /// What a project may say; all else is the server's: cookies, types and lengths, challenges, origins.
    private static let headerNames: Set<String> = [
        "cache-control", "content-disposition", "content-language", "etag", "expires", "last-modified", "link",
        "location", "retry-after", "vary",
    ]
    private static let headerLimit = 8 << 10

    static let statusReason = "'status' must be a status of HTTP from 200 to 599"

    static func status(_ value: JSONValue) -> Int? {
        guard let code = value.intValue, 200..<600 ~= code else { return nil }
        return code
    }

    static func maySet(_ name: String) -> Bool {
        let name = name.lowercased()
        guard !headerNames.contains(name) else { return true }
        return name.beginsExactly(with: "x-") && !name.beginsExactly(with: "x-fullsync-")
            && name.utf8.allSatisfy { Names.isIdentifierByte($0) && $0 != UInt8(ascii: "$") || $0 == UInt8(ascii: "-") }
    }

    static func reservedReason(_ name: String) -> String {
        "a sequence cannot set the header '\(name)': \(headerNames.sorted().joined(separator: ", ")), and X-… but not "
            + "X-FullSync-…"
    }

    static func content(_ value: JSONValue, of name: String) throws(SequenceFailure) -> String {
        let text = value.stringValue ?? value.text
        guard text.utf8.count <= headerLimit, text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) else {
            throw SequenceFailure(code: .invalidValue, message: "the header '\(name)' needs a short text of ASCII")
        }
        return text
    }
}
