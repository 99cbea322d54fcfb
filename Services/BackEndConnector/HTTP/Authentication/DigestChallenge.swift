import Crypto
import Foundation

/// What a server asks for by `WWW-Authenticate: Digest` (RFC 7616), and the answer to it.
struct DigestChallenge: Sendable, Hashable {
    enum Algorithm: String, Sendable, CaseIterable {
        case md5 = "MD5"
        case sha256 = "SHA-256"

        func hash(_ text: String) -> String {
            let bytes: [UInt8] =
                switch self {
                case .md5: Array(Insecure.MD5.hash(data: Data(text.utf8)))
                case .sha256: Array(SHA256.hash(data: Data(text.utf8)))
                }
            return bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
    }

    let realm: String
    let nonce: String
    let opaque: String?
    let algorithm: Algorithm
    /// Whether the hash of the credentials is of this session (`-sess`).
    let isOfSession: Bool
    /// Whether the server knows `qop=auth`; older ones do not.
    let hasQuality: Bool

    /// The strongest challenge of a header that this side can answer; nil when there is none.
    init?(_ header: String) {
        let challenges = Self.challenges(header).compactMap { DigestChallenge(parameters: $0) }
        guard let best = challenges.first(where: { $0.algorithm == .sha256 }) ?? challenges.first else { return nil }
        self = best
    }

    private init?(parameters: [String: String]) {
        guard let realm = parameters["realm"], let nonce = parameters["nonce"] else { return nil }
        var name = (parameters["algorithm"] ?? "MD5").uppercased()
        isOfSession = name.hasSuffix("-SESS")
        if isOfSession { name = String(name.dropLast(5)) }
        guard let algorithm = Algorithm(rawValue: name) else { return nil }
        let qualities = parameters["qop"]?.split(separator: ",").map { $0.filter { $0 != " " }.lowercased() }
        // One that wants the body hashed as well (auth-int) and nothing else cannot be answered.
        guard qualities?.contains("auth") ?? true else { return nil }
        hasQuality = qualities != nil
        self.realm = realm
        self.nonce = nonce
        self.algorithm = algorithm
        opaque = parameters["opaque"]
    }

    /// The parameters of each `Digest` challenge of a header, which may hold others as well.
    private static func challenges(_ header: String) -> [[String: String]] {
        var result: [[String: String]] = []
        var current: [String: String]?
        var rest = header.prefix(8_192)
        while true {
            rest = rest.drop { $0 == " " || $0 == "," || $0 == "\t" }
            let token = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.+/!#$%&'*^`|~".contains($0)) }
            guard !token.isEmpty else { break }
            rest = rest[token.endIndex...].drop { $0 == " " }
            guard rest.first == "=" else {
                // A word alone begins the next challenge.
                if let current { result.append(current) }
                current = token.lowercased() == "digest" ? [:] : nil
                continue
            }
            rest = rest.dropFirst().drop { $0 == " " }
            let value = Self.value(&rest)
            current?[token.lowercased()] = value
        }
        if let current { result.append(current) }
        return result
    }

    private static func value(_ rest: inout Substring) -> String {
        guard rest.first == "\"" else {
            let plain = rest.prefix { $0 != "," && $0 != " " }
            rest = rest[plain.endIndex...]
            return String(plain)
        }
        rest.removeFirst()
        var text = ""
        while let character = rest.popFirst(), character != "\"" {
            if character == "\\", let escaped = rest.popFirst() { text.append(escaped) } else { text.append(character) }
        }
        return text
    }

    /// The value of `Authorization` for a request.
    ///
    /// - Parameters:
    ///   - count: How often the nonce has been used, this time included.
    ///   - clientNonce: Something that no one can foresee.
    func header(
        method: String,
        target: String,
        user: String,
        password: String,
        count: Int,
        clientNonce: String
    ) -> String {
        var secret = algorithm.hash("\(user):\(realm):\(password)")
        if isOfSession { secret = algorithm.hash("\(secret):\(nonce):\(clientNonce)") }
        let request = algorithm.hash("\(method):\(target)")
        let digits = String(count, radix: 16)
        let number = String(repeating: "0", count: max(0, 8 - digits.count)) + digits
        let response =
            hasQuality
            ? algorithm.hash("\(secret):\(nonce):\(number):\(clientNonce):auth:\(request)")
            : algorithm.hash("\(secret):\(nonce):\(request)")
        func quoted(_ text: String) -> String {
            text.unicodeScalars.map { $0 == "\\" || $0 == "\"" ? "\\\($0)" : String($0) }.joined()
        }
        var parts = [
            "username=\"\(quoted(user))\"", "realm=\"\(quoted(realm))\"", "nonce=\"\(quoted(nonce))\"",
            "uri=\"\(target)\"", "response=\"\(response)\"",
            "algorithm=\(algorithm.rawValue)\(isOfSession ? "-sess" : "")",
        ]
        if let opaque { parts.append("opaque=\"\(quoted(opaque))\"") }
        if hasQuality || isOfSession { parts.append("cnonce=\"\(clientNonce)\"") }
        if hasQuality { parts += ["qop=auth", "nc=\(number)"] }
        return "Digest " + parts.joined(separator: ", ")
    }
}
