import CouchProtocol
import Crypto
import CryptoExtras
import Foundation
import JSON
import Testing

@testable import ReplicationEndpoint
@testable import Settings

/// Bearer tokens: right ones, and the ways in which others have been taken for right.
@Suite struct TokenTests {
    private static let secret = "a secret that is thirty-two bytes long, or more"
    private static let now = 1_800_000_000.0
    private static let claims: JSONObject = ["sub": "ann", "exp": 1_800_000_060]
    private static let edwards = Curve25519.Signing.PrivateKey()
    private static let p256 = P256.Signing.PrivateKey()
    private static let p384 = P384.Signing.PrivateKey()
    private static let rsa = try? _RSA.Signing.PrivateKey(keySize: .bits2048)

    private static func base64(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }

    private static func token(_ header: String, _ payload: String, sign: ([UInt8]) throws -> [UInt8]) rethrows -> String
    {
        let signed = "\(base64(header.utf8)).\(base64(payload.utf8))"
        return "\(signed).\(base64(try sign(Array(signed.utf8))))"
    }

    private static func hmac(_ message: [UInt8], _ key: String = secret) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: Array(key.utf8))))
    }

    private static func token(_ claims: JSONObject, header: String = #"{"alg":"HS256"}"#) -> String {
        token(header, JSONValue.object(claims).text) { hmac($0) }
    }

    private static func verifier(_ rules: TokenVerifier.Rules = TokenVerifier.Rules()) -> TokenVerifier {
        var keys = TokenKeys()
        keys.add(secret: Secret(secret))
        return TokenVerifier(keys: keys, rules: rules)
    }

    private static func verifier(pem: String) throws -> TokenVerifier {
        var keys = TokenKeys()
        try keys.add(publicKeys: pem)
        return TokenVerifier(keys: keys, rules: TokenVerifier.Rules())
    }

    /// An Ed25519 key as OpenSSL writes it.
    private static var edwardsPEM: String {
        let prefix: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
        let text = Data(prefix + Array(edwards.publicKey.rawRepresentation)).base64EncodedString()
        return "-----BEGIN PUBLIC KEY-----\n\(text)\n-----END PUBLIC KEY-----\n"
    }

    @Test func `times may have fractions of a second`() throws {
        let token = Self.token(["sub": "ann", "exp": 1_800_000_060.25, "nbf": 1_799_999_999.5])
        let claims = try Self.verifier().verify(token, at: Self.now + 60.2)
        #expect(claims == TokenClaims(user: "ann", notBefore: 1_799_999_999.5, expires: 1_800_000_060.25))
        #expect(throws: CouchError.self) { try Self.verifier().verify(token, at: Self.now + 60.3) }
        #expect(throws: CouchError.self) { try Self.verifier().verify(token, at: Self.now - 0.6) }
    }

    @Test func `a token that the secret has signed says who sends it, until it expires`() throws {
        let token = Self.token(Self.claims)
        let claims = try Self.verifier().verify(token, at: Self.now)
        #expect(claims == TokenClaims(user: "ann", notBefore: nil, expires: 1_800_000_060))
        #expect(throws: CouchError.self) { try Self.verifier().verify(token, at: Self.now + 60) }
        #expect(try Self.verifier(TokenVerifier.Rules(leeway: 5)).verify(token, at: Self.now + 64).user == "ann")
        #expect(throws: CouchError.self) {
            try Self.verifier(TokenVerifier.Rules(leeway: 5)).verify(token, at: Self.now + 65)
        }
    }

    @Test func `each public key verifies tokens of its own algorithm`() throws {
        let rsa = try #require(Self.rsa)
        let payload = JSONValue.object(Self.claims).text
        let tokens = [
            "RS256": try Self.token(#"{"alg":"RS256","kid":"k"}"#, payload) {
                Array(try rsa.signature(for: SHA256.hash(data: $0), padding: .insecurePKCS1v1_5).rawRepresentation)
            },
            "ES256": try Self.token(#"{"alg":"ES256"}"#, payload) {
                Array(try Self.p256.signature(for: $0).rawRepresentation)
            },
            "ES384": try Self.token(#"{"alg":"ES384"}"#, payload) {
                Array(try Self.p384.signature(for: $0).rawRepresentation)
            },
            "EdDSA": try Self.token(#"{"alg":"EdDSA"}"#, payload) { Array(try Self.edwards.signature(for: $0)) },
        ]
        let pems = [
            "RS256": rsa.publicKey.pemRepresentation, "ES256": Self.p256.publicKey.pemRepresentation,
            "ES384": Self.p384.publicKey.pemRepresentation, "EdDSA": Self.edwardsPEM,
        ]
        for (keyAlgorithm, pem) in pems {
            let verifier = try Self.verifier(pem: pem)
            for (algorithm, token) in tokens {
                let user = try? verifier.verify(token, at: Self.now).user
                #expect(user == (algorithm == keyAlgorithm ? "ann" : nil), "\(algorithm) with a key of \(keyAlgorithm)")
            }
        }
        let all = try Self.verifier(pem: pems.values.joined(separator: "\n"))
        for token in tokens.values { #expect(try all.verify(token, at: Self.now).user == "ann") }
    }

    @Test func `the algorithm is the key's and not the token's to choose`() throws {
        let pem = Self.p256.publicKey.pemRepresentation
        let verifier = try Self.verifier(pem: pem)
        let payload = JSONValue.object(Self.claims).text
        // The public key, which everybody has, as the secret of an HMAC.
        for key in [pem, String(pem.dropLast())] {
            let forged = Self.token(#"{"alg":"HS256"}"#, payload) { Self.hmac($0, key) }
            #expect(throws: CouchError.self) { try verifier.verify(forged, at: Self.now) }
        }
        for header in [
            #"{"alg":"none"}"#, #"{"alg":"None"}"#, #"{"alg":""}"#, "{}", #"{"alg":null}"#, #"{"alg":"HS512"}"#,
            #"{"alg":"hs256"}"#, #"{"alg":["HS256"]}"#,
        ] {
            #expect(throws: CouchError.self) {
                try Self.verifier().verify(Self.token(Self.claims, header: header), at: Self.now)
            }
            let unsigned = "\(Self.base64(header.utf8)).\(Self.base64(payload.utf8))."
            #expect(throws: CouchError.self) { try Self.verifier().verify(unsigned, at: Self.now) }
        }
    }

    @Test func `what was changed after the signature is refused`() throws {
        let token = Self.token(Self.claims)
        let parts = token.split(separator: ".").map(String.init)
        let other = Self.base64(#"{"sub":"bob","exp":1800000060}"#.utf8)
        var flipped = Array(
            try #require(
                Data(
                    base64Encoded: parts[2].replacingOccurrences(of: "-", with: "+")
                        .replacingOccurrences(of: "_", with: "/") + "="
                )
            )
        )
        flipped[0] ^= 1
        for wrong in [
            "\(parts[0]).\(other).\(parts[2])", "\(parts[0]).\(parts[1]).\(Self.base64(flipped))",
            "\(parts[0]).\(parts[1])", "\(parts[0]).\(parts[1]).", "\(token).x", "\(token)=", token + "\n", "..", "",
            "x",
            "\(parts[0]).\(parts[1]).\(parts[2].dropLast())", String(repeating: "a", count: 10_000),
        ] {
            #expect(throws: CouchError.self, "\(wrong)") { try Self.verifier().verify(wrong, at: Self.now) }
        }
        #expect(throws: CouchError.self) {
            try Self.verifier().verify(
                Self.token(#"{"alg":"HS256"}"#, JSONValue.object(Self.claims).text) { Self.hmac($0, "another") },
                at: Self.now
            )
        }
    }

    @Test(arguments: [
        #"{"sub":"ann"}"#, #"{"exp":1800000060}"#, #"{"sub":"ann","exp":"1800000060"}"#,
        #"{"sub":"ann","exp":18e8}"#, #"{"sub":"ann","exp":null}"#, #"{"sub":"ann","exp":-1}"#,
        #"{"sub":"ann","exp":1e300}"#, #"{"sub":"ann","exp":9223372036854775807}"#, #"{"sub":"","exp":1800000060}"#,
        #"{"sub":1,"exp":1800000060}"#, #"{"sub":["ann"],"exp":1800000060}"#, #"{"sub":"a\u0000b","exp":1800000060}"#,
        #"{"sub":"ann","exp":1800000060,"nbf":1800000001}"#, #"{"sub":"ann","exp":1800000060,"nbf":"0"}"#,
        #"{"sub":"ann","exp":1799999999,"exp":1800000060}"#, #"{"sub":"ann","sub":"bob","exp":1800000060}"#, "[]",
        #""ann""#, "", "{",
    ])
    func `claims that do not say who and until when are refused`(payload: String) {
        let token = Self.token(#"{"alg":"HS256"}"#, payload) { Self.hmac($0) }
        #expect(throws: CouchError.self) { try Self.verifier().verify(token, at: Self.now) }
    }

    @Test func `a critical extension, and a header that says something twice, are refused`() {
        for header in [#"{"alg":"HS256","crit":["b64"],"b64":false}"#, #"{"alg":"none","alg":"HS256"}"#] {
            #expect(throws: CouchError.self) {
                try Self.verifier().verify(Self.token(Self.claims, header: header), at: Self.now)
            }
        }
    }

    @Test func `issuer and audience are looked at when they are set`() throws {
        let rules = TokenVerifier.Rules(issuer: "https://id.example", audience: "full-sync")
        let right = Self.claims.merging(["iss": "https://id.example", "aud": "full-sync"])
        #expect(try Self.verifier(rules).verify(Self.token(right), at: Self.now).user == "ann")
        let several = right.merging(["aud": ["other", "full-sync"]])
        #expect(try Self.verifier(rules).verify(Self.token(several), at: Self.now).user == "ann")
        for wrong: JSONObject in [["iss": "https://id.example.evil"], ["aud": ["other"]], ["aud": []], ["iss": .null]] {
            #expect(throws: CouchError.self) {
                try Self.verifier(rules).verify(Self.token(right.merging(wrong)), at: Self.now)
            }
        }
        #expect(throws: CouchError.self) { try Self.verifier(rules).verify(Self.token(Self.claims), at: Self.now) }
    }

    @Test func `without a key no token is taken`() {
        let verifier = TokenVerifier(keys: TokenKeys(), rules: TokenVerifier.Rules())
        #expect(throws: CouchError.self) { try verifier.verify(Self.token(Self.claims), at: Self.now) }
    }

    @Test func `what is no public key is refused at the start`() {
        for pem in [
            "", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            Self.p256.pemRepresentation, P521.Signing.PrivateKey().publicKey.pemRepresentation,
            Self.edwardsPEM + Self.p256.pemRepresentation,
        ] {
            #expect(throws: UnusableKey.self) { try Self.verifier(pem: pem) }
        }
    }

    @Test func `a short secret is refused at the start`() {
        let type = SettingType<Secret>.longSecret
        #expect(type.parse(String(repeating: "x", count: 31)) == nil)
        #expect(type.parse(String(repeating: "x", count: 32)) != nil)
        #expect(type.isSecret)
    }
}
