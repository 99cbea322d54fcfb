import Contracts
import Executors
import Foundation
import JSON
import LDAP
import Projects
import Sequences

/// Carries out transactions of LDAP connectors, each on a connection of its own: who is bound is nobody else's.
struct LDAPCaller: Sendable {
    typealias Call = BackEndCall<LDAPConnector, LDAPTransaction>

    let lanes: ConnectorLanes
    let addresses: AddressGuard
    let files: PEMFiles
    /// libldap blocks.
    let threads: ThreadPoolExecutor
    private let order = HostOrder()

    init(lanes: ConnectorLanes, addresses: AddressGuard, files: PEMFiles, threads: ThreadPoolExecutor) {
        self.lanes = lanes
        self.addresses = addresses
        self.files = files
        self.threads = threads
    }

    /// What the directory answered, as the sequence sees it.
    ///
    /// A search answers `{"entries": [{"dn", "attributes": {name: [value, …]}}, …]}`; an authentication answers
    /// `{"authenticated", "dn", "attributes"}`, in which a wrong name or password is false and no failure.
    func run(_ call: Call) async throws(Failure) -> JSONValue {
        let question: Question
        do {
            question = try Question(call.transaction, call.variables, of: call.connector)
        } catch {
            throw Failure(error, of: call.title)
        }
        if case .hopeless = question { return DirectoryAnswer.refused }
        return try await lanes.carryOut(call) { deadline throws(ExchangeFailure) in
            try await ask(question, of: call, until: deadline)
        }
    }

    /// The answer of the first host that is there.
    ///
    /// Each has its share of the time for its first answer, and the last one all that is left.
    private func ask(
        _ question: Question,
        of call: Call,
        until deadline: ContinuousClock.Instant
    ) async throws(ExchangeFailure) -> JSONValue {
        let hosts = order.order(call.connector.hosts, of: call.name)
        for (index, host) in hosts.enumerated() {
            let left = hosts.count - index
            let now = ContinuousClock.now
            let share = left > 1 ? now + now.duration(to: deadline) / left : deadline
            do throws(ExchangeFailure) {
                let answer = try await ask(question, of: call, at: host, answeringBy: share, until: deadline)
                order.note(host, of: call.name)
                return answer
            } catch {
                switch error {
                // A directory is only read: whatever became of the question, it may be asked again.
                case .connectFailed, .connectionLost, .timeout:
                    guard left > 1, ContinuousClock.now < deadline else { throw error }
                default:
                    if error.outcome == .answered { order.note(host, of: call.name) }
                    throw error
                }
            }
        }
        throw .connectFailed("it has no host")
    }

    private func ask(
        _ question: Question,
        of call: Call,
        at host: String,
        answeringBy answerDeadline: ContinuousClock.Instant,
        until deadline: ContinuousClock.Instant
    ) async throws(ExchangeFailure) -> JSONValue {
        let known = try await addresses.check(host, call.connector.addresses, until: answerDeadline)
        var place = try server(of: call.connector, at: host)
        place.addressCount = known.count
        let (server, account) = (place, call.connector.account)
        let result = await threads.run(until: deadline) { () -> Result<JSONValue, LDAPError> in
            Result { () throws(LDAPError) in
                try question.ask(server, as: account, answeringBy: answerDeadline, until: deadline)
            }
        }
        guard let result else { throw Task.isCancelled ? .cancelled : .timeout }
        do throws(LDAPError) {
            return try result.get()
        } catch {
            throw ExchangeFailure(error, of: question)
        }
    }

    private func server(of connector: LDAPConnector, at host: String) throws(ExchangeFailure) -> LDAPServer {
        var authority: String?
        if connector.security.mode == .verify {
            authority = PEMFiles.system
            if let text = connector.security.certificateAuthority { authority = try files.path(of: text) }
        }
        var server = LDAPServer(
            host: host,
            port: connector.port,
            security: connector.security.mode == .none ? .none : connector.startsTLS ? .startTLS : .tls,
            verifies: connector.security.mode == .verify,
            authorityFile: authority
        )
        // The library looks the names up again, and a name may have come to stand for another address by then.
        server.allows = AddressGuard.test(connector.addresses)
        // One entry may be the whole answer; around its values there are names and lengths.
        server.maximumMessage = connector.responseLimit * 2 + (1 << 20)
        return server
    }
}

extension LDAPCaller {
    /// What a directory is asked, with all values in their places.
    enum Question: Sendable {
        case search(LDAPSearch, binary: Set<String>)
        case authenticate(Who, password: String, attributes: [String], binary: Set<String>)
        /// A name or password that is empty: nobody is that.
        case hopeless

        /// How a user's entry is found.
        enum Who: Sendable {
            case name(String)
            case search(LDAPSearch)
        }

        init(
            _ transaction: LDAPTransaction,
            _ given: JSONObject,
            of connector: LDAPConnector
        ) throws(SequenceFailure) {
            let values = try transaction.variables.bind(given)
            switch transaction.action {
            case .search(let template):
                self = .search(
                    try Self.search(template, values, limit: connector.responseLimit),
                    binary: template.binary
                )
            case .authenticate(let authentication):
                let isEmpty = transaction.variables.contains { variable in
                    guard let text = values[variable.name]?.stringValue else { return false }
                    return text.isEmpty || text.contains("\0")
                }
                guard !isEmpty, let password = values[authentication.password]?.stringValue else {
                    self = .hopeless
                    return
                }
                let who: Who
                switch authentication.subject {
                case .name(let name): who = .name(try authentication.name(name, with: values))
                case .search(var template):
                    // The second entry tells that the name is not one person's.
                    template.limit = 2
                    who = .search(try Self.search(template, values, limit: connector.responseLimit))
                }
                self = .authenticate(
                    who,
                    password: password,
                    attributes: authentication.attributes,
                    binary: authentication.binary
                )
            }
        }

        private static func search(
            _ template: LDAPSearchTemplate,
            _ values: JSONObject,
            limit: Int
        ) throws(SequenceFailure) -> LDAPSearch {
            let (base, filter) = try template.filled(with: values)
            guard !base.contains("\0") else {
                throw SequenceFailure(code: .invalidValue, message: "a name of the directory has no zero character")
            }
            return LDAPSearch(
                base: base,
                scope: template.scope.ldap,
                filter: filter,
                attributes: template.attributes,
                maximumEntries: template.limit,
                maximumBytes: limit
            )
        }

        /// The most entries of the answer, for failures.
        var limit: Int {
            if case .search(let search, _) = self { search.maximumEntries } else { 1 }
        }

        /// The most bytes of the answer, for failures.
        var byteLimit: Int {
            if case .search(let search, _) = self { search.maximumBytes } else { 1 << 20 }
        }

        /// Asks; blocks.
        ///
        /// - Parameter answerDeadline: Until when the server must have given its first answer.
        func ask(
            _ server: LDAPServer,
            as account: LDAPAccount?,
            answeringBy answerDeadline: ContinuousClock.Instant,
            until deadline: ContinuousClock.Instant
        ) throws(LDAPError) -> JSONValue {
            let searcher = account.map { ($0.dn, $0.password) }
            switch self {
            case .hopeless: return DirectoryAnswer.refused
            case .search(let search, let binary):
                let session = try LDAPSession.connect(
                    server,
                    as: searcher,
                    answeringBy: answerDeadline,
                    until: deadline
                )
                return DirectoryAnswer.entries(try session.search(search), binary: binary)
            case .authenticate(let who, let password, let attributes, let binary):
                let name: String
                var limit = answerDeadline
                switch who {
                case .name(let known): name = known
                case .search(let search):
                    let session = try LDAPSession.connect(server, as: searcher, answeringBy: limit, until: deadline)
                    guard let found = try Self.onlyEntry(search, in: session) else { return DirectoryAnswer.refused }
                    name = found
                    // It is there.
                    limit = deadline
                }
                let user = try Self.ifAccepted { () throws(LDAPError) in
                    try LDAPSession.connect(server, as: (name, password), answeringBy: limit, until: deadline)
                }
                guard let user else { return DirectoryAnswer.refused }
                let own = LDAPSearch(
                    base: name,
                    scope: .base,
                    filter: "(objectClass=*)",
                    attributes: attributes,
                    maximumEntries: 1,
                    maximumBytes: 1 << 20
                )
                return DirectoryAnswer.authenticated(try Self.ownEntry(own, in: user), name, binary: binary)
            }
        }

        /// The name of the one entry; nil when there is none, or more.
        private static func onlyEntry(_ search: LDAPSearch, in session: LDAPSession) throws(LDAPError) -> String? {
            do throws(LDAPError) {
                let entries = try session.search(search)
                return entries.count == 1 ? entries[0].dn : nil
            } catch .limitExceeded(.entries) {
                return nil
            }
        }

        /// The session of the bind; nil when the directory does not take the password, or knows no such name.
        private static func ifAccepted(
            _ bind: () throws(LDAPError) -> LDAPSession
        ) throws(LDAPError) -> LDAPSession? {
            do throws(LDAPError) {
                return try bind()
            } catch .invalidCredentials {
                return nil
            } catch .refused(let code, _) where [32, 48, 53].contains(code) {
                // No such object, inappropriate authentication, unwilling (a locked account).
                return nil
            }
        }

        /// What the user may read of their own entry.
        private static func ownEntry(_ search: LDAPSearch, in session: LDAPSession) throws(LDAPError) -> LDAPEntry? {
            do throws(LDAPError) {
                return try session.search(search).first
            } catch .refused {
                return nil
            }
        }
    }
}

extension LDAPSearchTemplate.Scope {
    fileprivate var ldap: LDAPSearch.Scope {
        switch self {
        case .base: .base
        case .one: .one
        case .subtree: .subtree
        }
    }
}

/// What a directory answered, in the values that sequences know.
enum DirectoryAnswer {
    /// A name or password that is not accepted.
    static let refused: JSONValue = ["authenticated": false, "dn": .null, "attributes": [:]]

    static func authenticated(_ entry: LDAPEntry?, _ name: String, binary: Set<String>) -> JSONValue {
        [
            "authenticated": true, "dn": .string(entry?.dn ?? name),
            "attributes": entry.map { attributes(of: $0, binary) } ?? [:],
        ]
    }

    static func entries(_ entries: [LDAPEntry], binary: Set<String>) -> JSONValue {
        ["entries": .array(entries.map { ["dn": .string($0.dn), "attributes": attributes(of: $0, binary)] })]
    }

    /// Each attribute is a list of texts; values of binary attributes, and those that are no text, are Base64.
    private static func attributes(of entry: LDAPEntry, _ binary: Set<String>) -> JSONValue {
        .object(
            JSONObject(
                entry.attributes.map { attribute in
                    let isBinary = binary.contains(attribute.name.lowercased()) || attribute.name.hasSuffix(";binary")
                    let values = attribute.values.map { bytes in
                        let text = isBinary ? nil : String(validating: bytes, as: UTF8.self)
                        return JSONValue.string(text ?? Data(bytes).base64EncodedString())
                    }
                    return (attribute.name, .array(values))
                }
            )
        )
    }
}

extension ExchangeFailure {
    /// What an error of a directory means.
    fileprivate init(_ error: LDAPError, of question: LDAPCaller.Question) {
        switch error {
        case .unavailable(let reason): self = .connectFailed(reason)
        case .connectionLost: self = .connectionLost("the directory said nothing more")
        case .timedOut: self = .timeout
        case .invalidCredentials:
            self = .refused(
                BackEndRefusal(
                    code: "ldap_login_failed",
                    reason: "the directory does not accept the connector's own account"
                )
            )
        case .limitExceeded(.entries): self = .tooManyRows(limit: question.limit)
        case .limitExceeded(.bytes): self = .responseTooLarge(limit: question.byteLimit)
        case .refused(let code, let message):
            self = .refused(
                BackEndRefusal(
                    code: "ldap_error",
                    reason: "the directory refused with result \(code)",
                    details: [
                        "resultCode": .number(JSONNumber(code)), "message": .string(String(message.prefix(1_000))),
                    ]
                )
            )
        }
    }
}
