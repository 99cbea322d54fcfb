import CouchProtocol
import Crypto
import Foundation
import JSON
import Synchronization

/// What a bearer token says, once it has been found to be true.
struct TokenClaims: Sendable, Hashable {
    let user: String
    /// From when on it counts, and when it counts no more, in seconds since 1970, leeway included.
    let notBefore: Double?
    let expires: Double
}

/// Checks bearer tokens: JSON Web Tokens (RFC 7519) in the compact form of RFC 7515.
///
/// Strict where libraries have been lenient: the algorithm must be one of a key that is set, `exp` must be there, times
/// are numbers, no member stands twice, and an extension that is marked critical is refused.
struct TokenVerifier: Sendable {
    struct Rules: Sendable {
        /// How much the signer's clock may be away from this one, in seconds.
        var leeway = 0
        /// Of whom `iss` must speak; nil takes any.
        var issuer: String?
        /// Of whom `aud` must speak, alone or among others; nil takes any.
        var audience: String?
    }

    private static let longestToken = 8_192
    private static let jsonLimits = {
        var limits = JSONLimits()
        limits.depth = 16
        limits.refusesDuplicateMembers = true
        return limits
    }()

    let keys: TokenKeys
    let rules: Rules

    /// Who sent the token.
    ///
    /// - Parameter now: Seconds since 1970.
    /// - Throws: `unauthorized`, with what is wrong.
    func verify(_ token: String, at now: Double) throws(CouchError) -> TokenClaims {
        guard !keys.isEmpty else { throw .unauthorized("Bearer tokens are not accepted here.") }
        let claims = try claims(of: token)
        try check(claims, at: now)
        return claims
    }

    /// Refuses claims whose time has not come or is over.
    func check(_ claims: TokenClaims, at now: Double) throws(CouchError) {
        guard now < claims.expires else { throw .unauthorized("The token has expired.") }
        guard now >= claims.notBefore ?? 0 else { throw .unauthorized("The token does not count yet.") }
    }

    /// The claims of a token that one of the keys has signed, whatever the time is.
    func claims(of token: String) throws(CouchError) -> TokenClaims {
        guard token.utf8.count <= Self.longestToken else { throw .unauthorized("The token is too long.") }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.object(parts[0]), let signature = Self.bytes(parts[2]) else {
            throw .unauthorized("The token is no JSON Web Token.")
        }
        guard header["crit"] == nil, let algorithm = header["alg"]?.stringValue,
            keys.haveSigned(Array("\(parts[0]).\(parts[1])".utf8), signature: signature, algorithm: algorithm)
        else { throw .unauthorized("The token's signature is not valid.") }
        // What the signer has signed may be told to the client.
        guard let payload = Self.object(parts[1]) else { throw .unauthorized("The token's claims are no JSON object.") }
        return try claims(payload)
    }

    private func claims(_ payload: JSONObject) throws(CouchError) -> TokenClaims {
        guard let user = payload["sub"]?.stringValue, UserName.isUsable(user) else {
            throw .unauthorized("The token's 'sub' is missing or is no user's name.")
        }
        guard let expires = try Self.time("exp", in: payload) else {
            throw .unauthorized("The token has no 'exp'.")
        }
        let notBefore = try Self.time("nbf", in: payload)
        if let issuer = rules.issuer, !Self.says(payload["iss"], issuer) {
            throw .unauthorized("The token is of another issuer.")
        }
        if let audience = rules.audience {
            let audiences = payload["aud"]?.arrayValue ?? [payload["aud"] ?? .null]
            guard audiences.contains(where: { Self.says($0, audience) }) else {
                throw .unauthorized("The token is for another audience.")
            }
        }
        return TokenClaims(
            user: user,
            notBefore: notBefore.map { $0 - Double(rules.leeway) },
            expires: expires + Double(rules.leeway)
        )
    }

    /// A time: a number of seconds since 1970, which may have a fraction (RFC 7519, section 2).
    private static func time(_ name: String, in payload: JSONObject) throws(CouchError) -> Double? {
        guard let value = payload[name] else { return nil }
        guard case .number(let number) = value, let time = Double(number.text), 0...longestTime ~= time else {
            throw .unauthorized("The token's '\(name)' is no number of seconds since 1970.")
        }
        return time
    }

    /// The year 9999.
    private static let longestTime = 253_402_300_799.0

    private static func says(_ value: JSONValue?, _ expected: String) -> Bool {
        value?.stringValue.map { $0.utf8.elementsEqual(expected.utf8) } ?? false
    }

    private static func object(_ part: Substring) -> JSONObject? {
        bytes(part).flatMap { try? JSONValue(parsing: $0, limits: jsonLimits) }?.objectValue
    }

    /// The bytes of a text in the URL-safe Base64 without padding that RFC 7515 asks for.
    private static func bytes(_ text: Substring) -> [UInt8]? {
        let isURLSafe = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isURLSafe, !text.isEmpty else { return nil }
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        let base64 = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        return Data(base64Encoded: base64 + padding).map { Array($0) }
    }
}
