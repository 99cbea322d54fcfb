import Crypto
import Foundation
import JSON
import Sequences

/// A body of `multipart/form-data` (RFC 7578).
struct MultipartForm {
    let bytes: [UInt8]
    let contentType: String

    /// The parts with their values; a part that is one placeholder of nothing is left out.
    init(_ fields: [MultipartField], _ variables: JSONObject) throws(SequenceFailure) {
        var parts: [(head: String, content: [UInt8])] = []
        for field in fields {
            guard let content = try field.bytes(variables) else { continue }
            parts.append((try field.head(variables), content))
        }
        // Of what it separates, so that it stands nowhere in it, and the same body is the same bytes.
        var hash = SHA256()
        for part in parts {
            hash.update(data: Data(part.head.utf8))
            hash.update(data: Data(part.content))
        }
        let digest = hash.finalize().prefix(16).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
        let boundary = "fullsync-" + digest.joined()
        var body: [UInt8] = []
        for part in parts {
            body += "--\(boundary)\r\n\(part.head)\r\n\r\n".utf8
            body += part.content
            body += "\r\n".utf8
        }
        body += "--\(boundary)--\r\n".utf8
        bytes = body
        contentType = "multipart/form-data; boundary=\(boundary)"
    }
}

extension MultipartField {
    fileprivate func bytes(_ variables: JSONObject) throws(SequenceFailure) -> [UInt8]? {
        switch content {
        case .text(let text):
            if let name = text.onlyVariable, variables[name]?.isNull ?? true { return nil }
            return Array(try text.filled(with: variables).utf8)
        case .base64(let text):
            if let name = text.onlyVariable, variables[name]?.isNull ?? true { return nil }
            return try text.bytes(with: variables, of: "the part '\(name)'")
        }
    }

    fileprivate func head(_ variables: JSONObject) throws(SequenceFailure) -> String {
        var head = "Content-Disposition: form-data; name=\"\(Self.quoted(name))\""
        if let fileName { head += "; filename=\"\(Self.quoted(try fileName.filled(with: variables)))\"" }
        if let type = try contentType?.mediaType(with: variables), !type.isEmpty { head += "\r\nContent-Type: \(type)" }
        return head
    }

    /// What could end the quotes or the line, as browsers write it (WHATWG HTML, section 4.10.21.8).
    private static func quoted(_ text: String) -> String {
        // By scalars: a line end is one character, and neither of its two.
        text.unicodeScalars.map { scalar in
            switch scalar {
            case "\"": "%22"
            case "\r": "%0D"
            case "\n": "%0A"
            case "\0": "%00"
            default: String(scalar)
            }
        }.joined()
    }
}

extension PlaceholderText {
    /// The bytes that the filled text is the Base64 of.
    ///
    /// - Parameter subject: What they are, for errors.
    func bytes(with variables: JSONObject, of subject: String) throws(SequenceFailure) -> [UInt8] {
        guard let bytes = Base64.decode(try filled(with: variables)) else {
            throw SequenceFailure(code: .invalidValue, message: "\(subject) is not Base64")
        }
        return bytes
    }

    /// The filled text as the value of a header `Content-Type`.
    func mediaType(with variables: JSONObject) throws(SequenceFailure) -> String {
        let type = try filled(with: variables)
        guard type.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw SequenceFailure(
                code: .invalidValue,
                message: "'contentType' may hold printable ASCII characters only"
            )
        }
        return type
    }
}
