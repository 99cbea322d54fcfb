import JSON
import Sequences

extension HTTPTransaction {
    /// Reads one of an HTTP connector's `transactions`.
    init?(reading member: SourceMember, connectorVariables: [String], problems: ProblemCollector) {
        guard var members = SourceMembers(member.node, subject: "a transaction", problems: problems) else { return nil }
        let problemsBefore = problems.problems.count
        name = member.name
        position = member.position
        description = members.text("description")
        method = members.choice("method", default: .get)
        let path = members.text("path", required: "the path after baseUrl, like /orders/{number}")
        self.path = PlaceholderText(path ?? "/")
        query = members.fields("query")
        headers = members.fields("headers", areHeaders: true)
        body = members.body()
        accepted = members.statuses("accept") ?? .success
        isIdempotent = members.flag("idempotent", default: method.isSafe)
        answer = members.choice("answer", default: .json)
        let timeout = members.duration("timeout", atMost: HTTPConnector.longestTimeout, default: .zero)
        self.timeout = timeout == .zero ? nil : timeout
        let limit = members.integer("responseLimit", in: 0...HTTPConnector.largestResponseLimit, default: 0)
        responseLimit = limit == 0 ? nil : limit
        let declared = members.variables()
        variables = declared ?? []
        members.finish()

        if declared == nil { variables = impliedVariables(and: connectorVariables) }
        // What follows from a problem that is reported is no problem of its own.
        guard problems.problems.count == problemsBefore else { return }
        if let path { Self.check(path, in: members) }
        if case .none = body {
        } else if method == .get || method == .head {
            problems.report(
                "a \(method.rawValue) request has no body",
                at: members.position(of: "method"),
                suggestion: "add method: POST"
            )
        }
        if declared != nil { checkPlaceholders(and: connectorVariables, in: members) }
    }

    /// The variables that the placeholders need; those of the path are required.
    private func impliedVariables(and connectorVariables: [String]) -> [VariableDefinition] {
        let required = Set(path.variables)
        var seen: Set<String> = []
        return (placeholders + connectorVariables).filter { seen.insert($0).inserted }.map {
            VariableDefinition(name: $0, isRequired: required.contains($0))
        }
    }

    private var placeholders: [String] {
        path.variables + (query + headers).flatMap(\.value.variables) + body.variables
    }

    private func checkPlaceholders(and connectorVariables: [String], in members: SourceMembers) {
        let names = variables.map(\.name)
        for name in Set(placeholders + connectorVariables).sorted() where !names.contains(name) {
            members.problems.reportUnknown(
                "the placeholder {\(name)} stands for no variable of '\(self.name)'",
                name: name,
                among: names,
                at: position
            )
        }
        for variable in variables where !(placeholders + connectorVariables).contains(variable.name) {
            members.problems.report(
                "the variable '\(variable.name)' is used nowhere in '\(name)'",
                at: variable.position ?? position,
                suggestion: "write {\(variable.name)} where its value belongs"
            )
        }
    }

    private static func check(_ path: String, in members: SourceMembers) {
        let position = members.position(of: "path")
        guard path.hasPrefix("/") else {
            members.problems.report("a path begins with '/'", at: position)
            return
        }
        if path.contains("?") || path.contains("#") {
            members.problems.report(
                "a path holds no '?' or '#'",
                at: position,
                suggestion: "use 'query' for parameters"
            )
        }
        let isPlain = path.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        if !isPlain {
            members.problems.report(
                "a path holds printable ASCII characters only",
                at: position,
                suggestion: "percent-encode the others"
            )
        }
        if path.split(separator: "/").contains(where: { $0 == ".." || $0 == "." }) {
            members.problems.report("a path holds no '.' or '..' segments", at: position)
        }
    }
}

extension SourceMembers {
    /// Reads `json`, `form`, `text`, `xml`, `multipart` or `base64`, of which a transaction has one at most.
    fileprivate mutating func body() -> HTTPTransaction.Body {
        let json = take("json")
        let xml = take("xml")
        let text = self.text("text")
        let form = has("form") ? fields("form") : nil
        _ = take("form")
        let parts = multipartFields()
        let multipart = has("multipart") ? parts : nil
        let base64 = self.text("base64")
        let contentType = self.text("contentType")
        exclusive(["json", "form", "text", "xml", "multipart", "base64"])
        if contentType != nil, !has("text"), !has("xml"), !has("base64") {
            problems.report("'contentType' goes with 'text', 'xml' and 'base64' only", at: position(of: "contentType"))
        }
        if let base64 {
            return .base64(PlaceholderText(base64), contentType: PlaceholderText(contentType ?? ""))
        }
        if let json { return .json(JSONTemplate(json.node.json)) }
        if let form { return .form(form) }
        if let multipart { return .multipart(multipart) }
        if let xml { return body(xml.node, contentType: contentType ?? "application/xml; charset=utf-8") }
        if let text { return .text(PlaceholderText(text), contentType: contentType ?? "text/plain; charset=utf-8") }
        return .none
    }

    /// A mapping with one member, the root, or a text in which values are escaped.
    private func body(_ node: SourceNode, contentType: String) -> HTTPTransaction.Body {
        switch node.content {
        case .scalar(.string(let text)): return .xmlText(PlaceholderText(text), contentType: contentType)
        case .mapping(let members) where members.count == 1:
            return .xml(JSONTemplate(node.json), contentType: contentType)
        case .mapping:
            problems.report("'xml' has one root: a mapping with one member", at: node.position)
        default: reportType(of: "xml", expected: "a mapping or a text", found: node)
        }
        return .none
    }

    /// Reads a list of statuses: `200`, `2xx`.
    fileprivate mutating func statuses(_ name: String) -> StatusSet? {
        guard let nodes = list(name) else { return nil }
        var ranges: [ClosedRange<Int>] = []
        for node in nodes {
            if let status = node.json.intValue, (100...599).contains(status) {
                ranges.append(status...status)
            } else if let text = node.string?.lowercased(), text.count == 3, text.hasSuffix("xx"),
                let hundreds = text.first?.wholeNumberValue, (1...5).contains(hundreds)
            {
                ranges.append(hundreds * 100...hundreds * 100 + 99)
            } else {
                problems.report("'\(name)' takes statuses from 100 to 599, and classes like 2xx", at: node.position)
            }
        }
        return StatusSet(ranges: ranges)
    }
}
