import ControlStore
import DocumentStore
import Foundation
import Logging
import Messaging
import ServiceRuntime
import Settings

/// The parts that recognise callers, and the resources of users, groups and sessions, put together.
struct Access: Sendable {
    let callers: Callers
    let changes: AccessChanges
    let sessionResource: SessionResource
    let usersResource: UsersResource
    let groupsResource: GroupsResource
    let sessionsResource: SessionsResource

    init(
        _ settings: SettingReader,
        store: DocumentStore,
        control: ControlStore,
        catalogue: ProjectCatalogue,
        sequences: SequenceCaller,
        wakeUps: FeedWakeUps,
        broker: MessageBroker,
        logger: Logger
    ) throws {
        let directory = Directory(hasher: PasswordHasher(limit: try settings[AccessSettings.loginQueue]))
        let login = Login(
            administrator: Administrator(
                name: try settings[AccessSettings.adminUser],
                password: try settings[AccessSettings.adminPassword]
            ),
            directory: directory,
            sequence: LoginSequence(
                catalogue: catalogue,
                sequences: sequences,
                project: try settings[AccessSettings.loginProject],
                timeout: try settings[AccessSettings.loginTimeout],
                logger: logger
            ),
            control: control,
            gate: LoginGate()
        )
        let authenticator = Authenticator(
            login: login,
            tokens: try Self.tokens(settings),
            control: control,
            store: store,
            passwordLife: try settings[AccessSettings.sessionDuration]
        )
        let changes = AccessChanges(control: control, broker: broker, logger: logger) {
            authenticator.forget()
            store.forgetDatabases()
            wakeUps.wakeAll()
        }
        let lifetime = try Self.lifetime(settings)
        callers = Callers(
            authenticator: authenticator,
            control: control,
            origins: CrossOrigin(try settings[AccessSettings.origins]),
            lifetime: lifetime,
            proxies: try settings[AccessSettings.trustedProxies]
        )
        self.changes = changes
        sessionResource = SessionResource(
            login: login,
            control: control,
            authenticator: authenticator,
            changes: changes,
            lifetime: lifetime
        )
        usersResource = UsersResource(
            control: control,
            store: store,
            directory: directory,
            login: login,
            changes: changes
        )
        groupsResource = GroupsResource(store: store, changes: changes)
        sessionsResource = SessionsResource(control: control, changes: changes)
    }

    private static func lifetime(_ settings: SettingReader) throws -> SessionLifetime {
        SessionLifetime(
            duration: try settings[AccessSettings.sessionDuration],
            slides: try settings[AccessSettings.sessionSlides],
            longest: try settings[AccessSettings.sessionLongest],
            isSecure: try settings[AccessSettings.secureCookies]
        )
    }

    private static func tokens(_ settings: SettingReader) throws -> TokenVerifier {
        var keys = TokenKeys()
        if let secret = try settings[AccessSettings.jwtSecret] { keys.add(secret: secret) }
        if let path = try settings[AccessSettings.jwtPublicKeyFile] { try add(path, to: &keys) }
        return TokenVerifier(
            keys: keys,
            rules: TokenVerifier.Rules(
                leeway: Int(try settings[AccessSettings.jwtLeeway].components.seconds),
                issuer: try settings[AccessSettings.jwtIssuer],
                audience: try settings[AccessSettings.jwtAudience]
            )
        )
    }

    private static func add(_ path: String, to keys: inout TokenKeys) throws {
        func wrong(_ expected: String) -> SettingError {
            SettingError(
                name: AccessSettings.jwtPublicKeyFile.variable,
                source: .secretFile(path: path),
                expected: expected
            )
        }
        guard let pem = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw wrong("a PEM file that can be read")
        }
        do {
            try keys.add(publicKeys: pem)
        } catch {
            throw wrong("PEM public keys, but \(error.reason)")
        }
    }
}
