import Contracts
import JSON

extension ConnectorLanes {
    /// How often a call is tried at most.
    private static let maximumAttempts = 3
    /// The pause before the second attempt; it doubles.
    private static let firstPause: Duration = .milliseconds(100)

    /// Carries out a call: waits for its place in line, asks the circuit breaker, and tries again what is certain not
    /// to have happened, or may happen twice.
    ///
    /// - Parameters:
    ///   - call: The call, whose time begins now.
    ///   - attempt: Carries it out once, up to the deadline that it is told.
    func carryOut<Connector, Transaction>(
        _ call: BackEndCall<Connector, Transaction>,
        _ attempt: (ContinuousClock.Instant) async throws(ExchangeFailure) -> JSONValue
    ) async throws(Failure) -> JSONValue {
        let deadline = min(call.deadline, .now + (call.transaction.timeout ?? call.connector.timeout))
        let lane = lane(of: call.name, concurrency: call.connector.concurrency)
        let result: Result<JSONValue, ExchangeFailure>
        do throws(ConcurrencyGate.Refusal) {
            lane.reportLine()
            result = try await lane.gate.run(until: deadline) {
                lane.reportLine()
                return await Self.repeated(call.transaction.isIdempotent, through: lane, until: deadline, attempt)
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

    /// Tries until there is an answer, or another attempt must not be made.
    private static func repeated(
        _ isIdempotent: Bool,
        through lane: ConnectorLane,
        until deadline: ContinuousClock.Instant,
        _ attempt: (ContinuousClock.Instant) async throws(ExchangeFailure) -> JSONValue
    ) async -> Result<JSONValue, ExchangeFailure> {
        var pause = firstPause
        for number in 1... {
            let result = await once(through: lane, until: deadline, attempt)
            guard case .failure(let failure) = result, number < maximumAttempts,
                failure.mayBeRepeated(isIdempotent: isIdempotent), ContinuousClock.now + pause < deadline
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

    private static func once(
        through lane: ConnectorLane,
        until deadline: ContinuousClock.Instant,
        _ attempt: (ContinuousClock.Instant) async throws(ExchangeFailure) -> JSONValue
    ) async -> Result<JSONValue, ExchangeFailure> {
        switch lane.admit() {
        case .refused(let retryAfter): return .failure(.circuitOpen(retryAfter: retryAfter))
        case .admitted(let permit):
            do throws(ExchangeFailure) {
                let answer = try await attempt(deadline)
                lane.record(.answered, of: permit)
                return .success(answer)
            } catch {
                lane.record(error.outcome, of: permit)
                return .failure(error)
            }
        }
    }
}
