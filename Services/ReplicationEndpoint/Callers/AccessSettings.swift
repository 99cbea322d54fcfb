import Foundation
import ServiceRuntime
import Settings

/// What can be set of how callers are recognised.
enum AccessSettings {
    static let adminUser = Setting("admin.user", .string, default: "admin", "The administrator's name.")
    static let adminPassword = Setting(required: "admin.password", .secret, "The administrator's password.")
    static let sessionDuration = Setting(
        "session.duration",
        .duration(.seconds(1) ... .seconds(31_536_000)),
        default: .seconds(86_400),
        "How long a session lasts after its login (after its last use when it slides), and a live feed that was opened "
            + "with a name and a password."
    )
    static let sessionSlides = Setting(
        "session.sliding",
        .bool,
        default: false,
        "Whether a session that is used goes on, up to session.longest."
    )
    static let sessionLongest = Setting(
        "session.longest",
        .duration(.seconds(1) ... .seconds(31_536_000)),
        default: .seconds(2_592_000),
        "How long a session that slides lasts at most."
    )
    static let secureCookies = Setting(
        "session.secure",
        .bool,
        default: false,
        "Whether the session's cookie is sent over TLS only in any case; it is so already for clients that a proxy of "
            + "trusted.proxies says speak https."
    )
    static let loginTimeout = Setting(
        "login.timeout",
        .duration(.seconds(1) ... .seconds(600)),
        default: .seconds(30),
        "How long a login may take."
    )
    static let loginProject = Setting(
        "login.project",
        .optional(.string),
        default: nil,
        "The project whose login sequence authenticates; needed when several have one."
    )
    static let loginQueue = Setting(
        "login.queue",
        .int(1...10_000),
        default: 200,
        "The most passwords of the built-in directory that are checked and wait to be checked at once."
    )
    static let trustedProxies = Setting(
        "trusted.proxies",
        .networks,
        default: [],
        "The proxies in front of the endpoint, whose X-Forwarded-For and X-Forwarded-Proto are believed."
    )
    static let origins = Setting(
        "cors.origins",
        .origins,
        default: [],
        "The origins whose pages may use the endpoint from a browser."
    )
    static let jwtSecret = Setting(
        "jwt.hs256",
        .optional(.longSecret),
        default: nil,
        "The secret that bearer tokens (JWT, HS256) are signed with."
    )
    static let jwtPublicKeyFile = Setting(
        "jwt.publicKeyFile",
        .optional(.string),
        default: nil,
        "A PEM file of the public keys that bearer tokens are signed with: RSA (RS256), P-256 (ES256), P-384 (ES384), "
            + "Ed25519 (EdDSA)."
    )
    static let jwtLeeway = Setting(
        "jwt.leeway",
        .duration(.zero ... .seconds(300)),
        default: .zero,
        "How much the clock of those who sign bearer tokens may differ."
    )
    static let jwtIssuer = Setting(
        "jwt.issuer",
        .optional(.string),
        default: nil,
        "Whom the 'iss' of a bearer token must name."
    )
    static let jwtAudience = Setting(
        "jwt.audience",
        .optional(.string),
        default: nil,
        "Whom the 'aud' of a bearer token must name."
    )

    static let all: [any SettingDeclaration] = [
        adminUser, adminPassword, sessionDuration, sessionSlides, sessionLongest, secureCookies, loginTimeout,
        loginProject, loginQueue, trustedProxies, origins, jwtSecret, jwtPublicKeyFile, jwtLeeway, jwtIssuer,
        jwtAudience,
    ]
}

extension SettingType where Value == Secret {
    /// A secret that is long enough to sign with.
    static var longSecret: SettingType {
        SettingType(
            expected: "a secret of at least \(TokenKeys.shortestSecret) bytes",
            isSecret: true,
            parse: { $0.utf8.count >= TokenKeys.shortestSecret ? Secret($0) : nil },
            format: { "\($0)" }
        )
    }
}

extension SettingType where Value == [Origin] {
    /// A list of origins.
    static var origins: SettingType {
        list(
            expected: "origins such as https://app.example, with commas between them; * is none",
            read: { Origin($0) },
            text: \.text
        )
    }
}

extension SettingType where Value == [IPNetwork] {
    /// A list of addresses and networks.
    static var networks: SettingType {
        list(
            expected: "addresses or networks such as 10.0.0.0/8, with commas between them",
            read: { IPNetwork($0) },
            text: \.text
        )
    }
}

extension SettingType {
    /// Values with commas between them.
    private static func list<Element: Sendable>(
        expected: String,
        read: @escaping @Sendable (String) -> Element?,
        text: @escaping @Sendable (Element) -> String
    ) -> SettingType where Value == [Element] {
        SettingType(
            expected: expected,
            parse: { list in
                let parts = list.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
                let values = parts.compactMap(read)
                return values.count == parts.count ? values : nil
            },
            format: { values in values.isEmpty ? "none" : values.map(text).joined(separator: ",") }
        )
    }
}
