import Contracts
import Executors
import Foundation
import JSON
import Synchronization

@testable import BackEndConnector

/// A project's connector and what carries out its transactions.
protocol TestBackEnd {
    associatedtype Target: CallableConnector
    associatedtype Transaction: CallableTransaction

    var target: Target { get }
    var transactions: [String: Transaction] { get }
    func carryOut(_ call: BackEndCall<Target, Transaction>) async throws(Failure) -> JSONValue
}

extension TestBackEnd {
    func call(_ name: String, _ variables: JSONObject = [:]) async -> Result<JSONValue, Failure> {
        guard let transaction = transactions[name] else {
            return .failure(Failure(code: "test", message: "no transaction \(name)"))
        }
        do throws(Failure) {
            return .success(
                try await carryOut(
                    BackEndCall(
                        name: ConnectorName(project: "p", connector: "tested"),
                        connector: target,
                        transaction: transaction,
                        variables: variables,
                        idempotencyKey: "run/1",
                        deadline: .now + .seconds(60)
                    )
                )
            )
        } catch {
            return .failure(error)
        }
    }

    func reason(of answer: Result<JSONValue, Failure>) -> Failure? {
        if case .failure(let failure) = answer { failure } else { nil }
    }
}

extension AddressGuard {
    /// One with threads of its own.
    static func forTests() -> AddressGuard {
        AddressGuard(threads: ThreadPoolExecutor(name: "names", maximumThreads: 2))
    }
}

extension HTTPCaller {
    /// One with lanes and connections of its own.
    static func forTests(policy: CircuitBreaker.Policy = .init()) -> HTTPCaller {
        HTTPCaller(
            transports: HTTPTransports(),
            lanes: ConnectorLanes(policy: policy, places: 128),
            addresses: .forTests(),
            tokens: OAuth2Tokens(),
            digests: DigestChallenges(),
            cookies: CookiesInMemory()
        )
    }
}

/// Cookies of sessions, as long as the test runs.
final class CookiesInMemory: CookieStore {
    private let jars = Mutex<[String: CookieJar]>([:])

    func jar(of call: HTTPCaller.Call) async -> CookieJar {
        jars.withLock { $0[call.session ?? ""] ?? CookieJar() }
    }

    func keep(_ received: [CookieJar.Received], of call: HTTPCaller.Call) async {
        jars.withLock { jars in
            for cookie in received { jars[call.session ?? "", default: CookieJar()].take(cookie, at: .now) }
        }
    }
}
