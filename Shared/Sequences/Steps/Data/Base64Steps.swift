import Foundation
import JSON

/// `encodeBase64: text`, `as: name`: the Base64 of a text's UTF-8 (RFC 4648, section 4).
struct EncodeBase64Step: ValueStep, InputStep {
    static let keyword = "encodeBase64"

    let input: Template
    let resultName: String

    func result(of input: JSONValue, at site: StepSite, of execution: Execution) throws(SequenceFailure) -> JSONValue {
        .string(Data(try input.text(for: "'encodeBase64'").utf8).base64EncodedString())
    }
}

/// `decodeBase64: text`, `as: name`: the text whose UTF-8 the Base64 is.
struct DecodeBase64Step: ValueStep, InputStep {
    static let keyword = "decodeBase64"

    let input: Template
    let resultName: String

    func result(of input: JSONValue, at site: StepSite, of execution: Execution) throws(SequenceFailure) -> JSONValue {
        let text = try input.text(for: "'decodeBase64'")
        guard let data = Data(base64Encoded: text, options: .ignoreUnknownCharacters),
            text.utf8.allSatisfy(Self.isPart)
        else { throw SequenceFailure(code: .invalidValue, message: "'decodeBase64' got what is no Base64") }
        guard let decoded = String(validating: data, as: UTF8.self) else {
            throw SequenceFailure(code: .invalidValue, message: "what the Base64 stands for is no text in UTF-8")
        }
        return .string(decoded)
    }

    /// Whether it may stand in Base64: white space may, between the characters.
    private static func isPart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="),
            0x20, 0x09, 0x0A, 0x0D:
            true
        default: false
        }
    }
}
