package import JSON
package import Sequences
import XML

/// A request as it goes out, but for what only the sender knows (`Host`, `Content-Length`, `Idempotency-Key`).
///
/// Its parts are safe whatever the variables hold: no value can leave its place in the path, query, headers or body.
package struct HTTPRequestPlan: Sendable, Hashable {
    package let method: HTTPTransaction.Method
    /// Scheme, host and port.
    package let origin: String
    /// Path and query, percent-encoded.
    package let target: String
    /// The headers in order; no name stands twice.
    package let headers: [HTTPHeader]
    package let body: [UInt8]?

    /// The whole address.
    ///
    /// May hold values of secret variables: not for logs.
    package var url: String { origin + target }

    /// Puts the variables into a transaction's templates.
    ///
    /// Throws `invalid_variable` when a required one is missing or of another type, `invalid_value` when a value cannot
    /// stand where the template puts it. Neither shows a value.
    package static func make(
        _ transaction: HTTPTransaction,
        of connector: HTTPConnector,
        variables given: JSONObject
    ) throws(SequenceFailure) -> HTTPRequestPlan {
        let variables = try transaction.variables.bind(given)
        var headers = try connector.headers(with: variables)
        if let header = connector.authentication?.headerValue { headers.set("authorization", to: header) }
        for field in transaction.headers {
            guard let value = try field.headerValue(with: variables) else { continue }
            headers.set(field.name, to: value)
        }
        let body = try transaction.body.filled(with: variables)
        if let contentType = body?.contentType, !headers.contains(where: { $0.name == "content-type" }) {
            headers.set("content-type", to: contentType)
        }
        let path = try connector.baseURL.path + transaction.encodedPath(with: variables)
        let query = try transaction.query.encoded(with: variables, as: .query)
        return HTTPRequestPlan(
            method: transaction.method,
            origin: connector.baseURL.origin,
            target: (path.isEmpty ? "/" : path) + (query.isEmpty ? "" : "?" + query),
            headers: headers,
            body: body?.bytes
        )
    }
}

extension HTTPRequestPlan: CustomStringConvertible, CustomReflectable {
    /// The method and the origin: the rest may hold secrets.
    package var description: String { "\(method.rawValue) \(origin)" }

    package var customMirror: Mirror { Mirror(self, children: ["request": description]) }
}

/// A header of a request; its name is in lower case.
package struct HTTPHeader: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
        self.name = name.lowercased()
        self.value = value
    }

    /// The name alone: the value may be a secret.
    package var description: String { name }

    package var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}

extension [HTTPHeader] {
    /// Gives the header that value, in the place of one that is there.
    mutating func set(_ name: String, to value: String) {
        let header = HTTPHeader(name: name, value: value)
        removeAll { $0.name == header.name }
        append(header)
    }
}

extension HTTPConnector {
    /// The headers of every request.
    fileprivate func headers(with variables: JSONObject) throws(SequenceFailure) -> [HTTPHeader] {
        var result: [HTTPHeader] = []
        for field in headers {
            if let value = try field.headerValue(with: variables) { result.set(field.name, to: value) }
        }
        return result
    }
}

extension HTTPField {
    /// The value as a header, or nil when it is one placeholder of nothing.
    fileprivate func headerValue(with variables: JSONObject) throws(SequenceFailure) -> String? {
        if let name = value.onlyVariable, variables[name]?.isNull ?? true { return nil }
        let text = try value.filled(with: variables)
        guard text.utf8.allSatisfy({ $0 == 0x09 || (0x20...0x7E).contains($0) }) else {
            throw SequenceFailure(
                code: .invalidValue,
                message: "the header '\(name)' may hold printable ASCII characters only"
            )
        }
        return text
    }
}

extension HTTPTransaction {
    /// The path with the values percent-encoded, each within its segment.
    fileprivate func encodedPath(with variables: JSONObject) throws(SequenceFailure) -> String {
        for name in path.variables {
            let value = variables[name] ?? .null
            guard value.objectValue == nil, value.arrayValue == nil, !value.plainText.isEmpty else {
                throw SequenceFailure(
                    code: .invalidValue,
                    message: "the variable '\(name)' stands in the path and must be a text that is not empty"
                )
            }
        }
        let result = try path.filled(with: variables) { PercentEncoding.component.encode($0) }
        // A segment of dots would be taken for a step in the tree of paths, and cannot be written another way.
        guard !result.split(separator: "/").contains(where: { $0 == "." || $0 == ".." }) else {
            throw SequenceFailure(code: .invalidValue, message: "a segment of the path is '.' or '..'")
        }
        return result
    }
}

extension [HTTPField] {
    /// The fields as `name=value` joined by `&`.
    ///
    /// One placeholder of a list gives the name once for each element.
    fileprivate func encoded(
        with variables: JSONObject,
        as encoding: PercentEncoding
    ) throws(SequenceFailure) -> String {
        var pairs: [String] = []
        for field in self {
            for text in try field.texts(with: variables) {
                pairs.append("\(encoding.encode(field.name))=\(encoding.encode(text))")
            }
        }
        return pairs.joined(separator: "&")
    }
}

extension HTTPField {
    fileprivate func texts(with variables: JSONObject) throws(SequenceFailure) -> [String] {
        guard let name = value.onlyVariable else { return [try value.filled(with: variables)] }
        switch variables[name] ?? .null {
        case .null: return []
        case .array(let values): return values.map(\.plainText)
        case let single: return [single.plainText]
        }
    }
}

extension HTTPTransaction.Body {
    /// What is sent, and as what.
    fileprivate func filled(
        with variables: JSONObject
    ) throws(SequenceFailure) -> (bytes: [UInt8], contentType: String)? {
        switch self {
        case .none: return nil
        case .json(let template):
            return (try template.filled(with: variables).bytes, "application/json")
        case .form(let fields):
            let text = try fields.encoded(with: variables, as: .form)
            return (Array(text.utf8), "application/x-www-form-urlencoded")
        case .text(let text, let contentType):
            return (Array(try text.filled(with: variables).utf8), contentType)
        case .xml(let template, let contentType):
            let value = try template.filled(with: variables)
            return (try xml { () throws(XMLError) in Array(try XMLWriter.document(of: value).utf8) }, contentType)
        case .xmlText(let text, let contentType):
            let filled = try text.filled(with: variables) { value throws(SequenceFailure) in
                try xml { () throws(XMLError) in try XMLWriter.escaped(value) }
            }
            return (Array(filled.utf8), contentType)
        case .multipart(let fields):
            let form = try MultipartForm(fields, variables)
            return (form.bytes, form.contentType)
        case .base64(let bytes, let contentType):
            let type = try contentType.mediaType(with: variables)
            return (
                try bytes.bytes(with: variables, of: "the body"), type.isEmpty ? "application/octet-stream" : type
            )
        }
    }

    /// What is written as XML; a value that cannot be is an invalid one.
    private func xml<Value>(_ body: () throws(XMLError) -> Value) throws(SequenceFailure) -> Value {
        do throws(XMLError) {
            return try body()
        } catch {
            throw SequenceFailure(code: .invalidValue, message: "the body cannot be written as XML: \(error)")
        }
    }
}
