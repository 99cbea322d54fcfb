import Crypto
import Foundation
import JSON

/// `hash: value`, `algorithm: sha256`, `form: hex`, `as: name`: the digest of a value; with `key`, its HMAC.
///
/// Of a text the UTF-8 is taken; of any other value the one text that equal values share (`canonicalBytes`).
struct HashStep: ValueStep {
    static let keyword = "hash"

    enum Algorithm: String, CaseIterable {
        /// For back ends that want them; neither protects from anybody who tries.
        case md5
        case sha1
        case sha256
        case sha384
        case sha512
    }

    enum Form: String, CaseIterable {
        case hex
        case base64
    }

    let input: Template
    let algorithm: Algorithm
    let form: Form
    let resultName: String

    init?(reading members: inout StepMembers) {
        let value = Template(members.value())
        algorithm = members.choice("algorithm", default: .sha256)
        form = members.choice("form", default: .hex)
        input = .list([value, members.template("key") ?? .literal(.null)])
        guard let name = members.resultName() else { return nil }
        resultName = name
    }

    func result(of input: JSONValue, at site: StepSite, of execution: Execution) throws(SequenceFailure) -> JSONValue {
        let operands = input.arrayValue ?? []
        let value = operands.first ?? .null
        let bytes = value.stringValue.map { Array($0.utf8) } ?? value.canonicalBytes
        let key = operands.last ?? .null
        let digest = try key.isNull ? plain(bytes) : keyed(bytes, key.text(for: "'key'"))
        switch form {
        case .hex: return .string(digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
        case .base64: return .string(Data(digest).base64EncodedString())
        }
    }

    private func plain(_ bytes: [UInt8]) -> [UInt8] {
        switch algorithm {
        case .md5: Array(Insecure.MD5.hash(data: bytes))
        case .sha1: Array(Insecure.SHA1.hash(data: bytes))
        case .sha256: Array(SHA256.hash(data: bytes))
        case .sha384: Array(SHA384.hash(data: bytes))
        case .sha512: Array(SHA512.hash(data: bytes))
        }
    }

    private func keyed(_ bytes: [UInt8], _ key: String) -> [UInt8] {
        let key = SymmetricKey(data: Array(key.utf8))
        return switch algorithm {
        case .md5: Array(HMAC<Insecure.MD5>.authenticationCode(for: bytes, using: key))
        case .sha1: Array(HMAC<Insecure.SHA1>.authenticationCode(for: bytes, using: key))
        case .sha256: Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
        case .sha384: Array(HMAC<SHA384>.authenticationCode(for: bytes, using: key))
        case .sha512: Array(HMAC<SHA512>.authenticationCode(for: bytes, using: key))
        }
    }
}
