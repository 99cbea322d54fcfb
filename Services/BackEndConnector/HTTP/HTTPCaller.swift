import Contracts
import JSON
import Projects
import Sequences
import Telemetry

/// Carries out one transaction of an HTTP connector, with its redirects.
struct HTTPCaller: Sendable {
    typealias Call = BackEndCall<HTTPConnector, HTTPTransaction>

    let transports: HTTPTransports
    let lanes: ConnectorLanes
    let addresses: AddressGuard
    let tokens: OAuth2Tokens
    let digests: DigestChallenges
    let cookies: any CookieStore

    /// What the back end answered, as the sequence sees it: `{"status", "headers", "body"}`.
    func run(_ call: Call) async throws(Failure) -> JSONValue {
        let request = try makeRequest(call)
        return try await lanes.carryOut(call) { deadline throws(ExchangeFailure) in
            var exchange = HTTPExchange(
                call: call,
                transport: try transports.transport(of: call),
                caller: self,
                deadline: deadline,
                cookies: await cookies.jar(of: call)
            )
            let answer = try await exchange.run(request)
            await cookies.keep(exchange.received, of: call)
            return try HTTPAnswer.value(of: answer, for: call.transaction)
        }
    }

    private func makeRequest(_ call: Call) throws(Failure) -> OutgoingRequest {
        let plan: HTTPRequestPlan
        do {
            plan = try HTTPRequestPlan.make(call.transaction, of: call.connector, variables: call.variables)
        } catch {
            throw Failure(error, of: call.title)
        }
        var headers = plan.headers.map { (name: $0.name, value: $0.value) }
        func add(_ name: String, _ value: String) {
            guard !headers.contains(where: { $0.name == name }) else { return }
            headers.append((name, value))
        }
        add("user-agent", "full-sync")
        if !plan.method.isSafe { add("idempotency-key", call.idempotencyKey) }
        add("traceparent", (TraceContext.current?.makeChild() ?? .makeRoot()).traceparent)
        return OutgoingRequest(
            method: plan.method.rawValue,
            url: plan.url,
            headers: headers,
            body: plan.body,
            isIdempotent: call.transaction.isIdempotent
        )
    }
}
