import Contracts
import JSON
import Projects
import Sequences
import Telemetry

/// Carries out one transaction of an HTTP connector: its place in line, the circuit breaker, redirects, retries.
struct HTTPCaller: Sendable {
    /// How often a request is sent at most.
    private static let maximumAttempts = 3
    /// The pause before the second attempt; it doubles.
    private static let firstPause: Duration = .milliseconds(100)

    let transport: HTTPTransport
    let lanes: ConnectorLanes

    /// A transaction with what it is asked for with.
    struct Call: Sendable {
        let name: ConnectorName
        let connector: HTTPConnector
        let transaction: HTTPTransaction
        let variables: JSONObject
        let idempotencyKey: String
        let deadline: ContinuousClock.Instant

        /// How the transaction is named in errors.
        var title: String { "\(name.connector).\(transaction.name)" }
    }

    /// What the back end answered, as the sequence sees it: `{"status", "headers", "body"}`.
    func run(_ call: Call) async throws(Failure) -> JSONValue {
        let request = try makeRequest(call)
        let deadline = min(call.deadline, .now + (call.transaction.timeout ?? call.connector.timeout))
        let lane = lanes.lane(of: call.name, concurrency: call.connector.concurrency)
        let result: Result<JSONValue, ExchangeFailure>
        do throws(ConcurrencyGate.Refusal) {
            result = try await lane.gate.run(until: deadline) {
                await send(request, of: call, through: lane, until: deadline)
            }
        } catch {
            // Nothing was sent, neither when the line was full nor when the time was over in it.
            throw ExchangeFailure.busy.failure(of: call.title)
        }
        do throws(ExchangeFailure) {
            return try result.get()
        } catch {
            throw error.failure(of: call.title)
        }
    }

    private func makeRequest(_ call: Call) throws(Failure) -> OutgoingRequest {
        let plan: HTTPRequestPlan
        do {
            plan = try HTTPRequestPlan.make(call.transaction, of: call.connector, variables: call.variables)
        } catch {
            throw Failure(
                code: error.code.description,
                message: "\(call.title): \(error.message)",
                details: error.details
            )
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

    /// Sends the request until it is answered, or must not be sent again.
    private func send(
        _ request: OutgoingRequest,
        of call: Call,
        through lane: ConnectorLane,
        until deadline: ContinuousClock.Instant
    ) async -> Result<JSONValue, ExchangeFailure> {
        var pause = Self.firstPause
        for attempt in 1... {
            let result = await attemptOnce(request, of: call, through: lane, until: deadline)
            guard case .failure(let failure) = result, attempt < Self.maximumAttempts,
                failure.mayBeRepeated(isIdempotent: request.isIdempotent), ContinuousClock.now + pause < deadline
            else { return result }
            do {
                try await Task.sleep(for: pause)
            } catch {
                return result
            }
            pause *= 2
        }
        preconditionFailure("the last attempt returns")
    }

    private func attemptOnce(
        _ request: OutgoingRequest,
        of call: Call,
        through lane: ConnectorLane,
        until deadline: ContinuousClock.Instant
    ) async -> Result<JSONValue, ExchangeFailure> {
        switch lane.admit() {
        case .refused(let retryAfter): return .failure(.circuitOpen(retryAfter: retryAfter))
        case .admitted(let permit):
            do throws(ExchangeFailure) {
                let answer = try await follow(request, of: call, until: deadline)
                lane.record(.answered, of: permit)
                return .success(try HTTPAnswer.value(of: answer, for: call.transaction))
            } catch {
                lane.record(error.outcome, of: permit)
                return .failure(error)
            }
        }
    }

    /// Sends the request, and again to where it is redirected.
    private func follow(
        _ request: OutgoingRequest,
        of call: Call,
        until deadline: ContinuousClock.Instant
    ) async throws(ExchangeFailure) -> RawAnswer {
        var redirects = Redirects(from: request.url)
        var request = request
        let accepted = call.transaction.accepted
        let whole: HTTPTransport.Reading =
            call.transaction.answer == .none ? .nothing : .whole(limit: call.connector.responseLimit)
        while true {
            let answer = try await transport.exchange(request, deadline: deadline) { status in
                accepted.contains(status) ? whole : .excerpt(HTTPAnswer.excerptLength * 4)
            }
            guard !accepted.contains(answer.status),
                let next = try redirects.next(request, status: answer.status, location: answer.headers["location"])
            else { return answer }
            request = next
        }
    }
}
