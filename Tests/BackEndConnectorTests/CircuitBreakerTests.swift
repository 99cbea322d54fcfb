import TestSupport
import Testing

@testable import BackEndConnector

@Suite struct CircuitBreakerTests {
    private let start = ContinuousClock.now
    private let policy = CircuitBreaker.Policy(failures: 3, pause: .seconds(2), longestPause: .seconds(10))

    private func permit(_ decision: CircuitBreaker.Decision) throws -> CircuitBreaker.Permit {
        guard case .admitted(let permit) = decision else { throw Refused() }
        return permit
    }

    private struct Refused: Error {}

    private func opened() throws -> CircuitBreaker {
        var breaker = CircuitBreaker(policy: policy)
        for _ in 0..<3 { breaker.record(.failed, of: try permit(breaker.admit(at: start)), at: start) }
        return breaker
    }

    @Test func `it opens after failures in a row, and an answer between them starts the count again`() throws {
        var breaker = CircuitBreaker(policy: policy)
        for outcome in [CircuitBreaker.Outcome.failed, .failed, .answered, .failed, .abandoned, .failed] {
            breaker.record(outcome, of: try permit(breaker.admit(at: start)), at: start)
        }
        #expect(breaker.isClosed)
        breaker.record(.failed, of: try permit(breaker.admit(at: start)), at: start)
        #expect(breaker.admit(at: start) == .refused(retryAfter: .seconds(2)))
    }

    @Test func `after the pause one call is let through, and its answer closes it`() throws {
        var breaker = try opened()
        #expect(breaker.admit(at: start + .milliseconds(1_999)) == .refused(retryAfter: .milliseconds(1)))
        let probe = try permit(breaker.admit(at: start + .seconds(2)))
        #expect(throws: Refused.self) { try permit(breaker.admit(at: start + .seconds(2))) }
        breaker.record(.answered, of: probe, at: start + .seconds(3))
        #expect(breaker.isClosed)
    }

    @Test func `each failed probe doubles the pause, up to the longest`() throws {
        var breaker = try opened()
        var now = start
        for pause in [2, 4, 8, 10, 10] {
            #expect(breaker.admit(at: now) == .refused(retryAfter: .seconds(pause)))
            now += .seconds(pause)
            breaker.record(.failed, of: try permit(breaker.admit(at: now)), at: now)
        }
    }

    @Test func `a probe that was given up leaves the next one free`() throws {
        var breaker = try opened()
        breaker.record(.abandoned, of: try permit(breaker.admit(at: start + .seconds(2))), at: start + .seconds(2))
        #expect(throws: Never.self) { try permit(breaker.admit(at: start + .seconds(2))) }
    }

    @Test func `calls that began before it opened neither close it nor keep it open`() throws {
        var breaker = CircuitBreaker(policy: policy)
        let early = try (0..<5).map { _ in try permit(breaker.admit(at: start)) }
        for permit in early.prefix(3) { breaker.record(.failed, of: permit, at: start) }
        breaker.record(.answered, of: early[3], at: start)
        #expect(!breaker.isClosed)
        let probe = try permit(breaker.admit(at: start + .seconds(2)))
        breaker.record(.failed, of: early[4], at: start + .seconds(2))
        breaker.record(.answered, of: probe, at: start + .seconds(2))
        #expect(breaker.isClosed)
    }

    @Test func `whatever happens, at most one call is under way while it is not closed`() {
        var random = SeededGenerator.announced()
        var breaker = CircuitBreaker(policy: policy)
        var now = start
        var underWay: [(permit: CircuitBreaker.Permit, isProbe: Bool)] = []
        for _ in 0..<20_000 {
            now += .milliseconds(Int.random(in: 0...900, using: &random))
            if Bool.random(using: &random) {
                let wasClosed = breaker.isClosed
                if case .admitted(let permit) = breaker.admit(at: now) {
                    #expect(wasClosed || !underWay.contains { $0.isProbe })
                    underWay.append((permit, !wasClosed))
                }
            } else if let index = underWay.indices.randomElement(using: &random) {
                let call = underWay.remove(at: index)
                let outcomes: [CircuitBreaker.Outcome] = [.answered, .failed, .failed, .failed, .abandoned]
                breaker.record(outcomes.randomElement(using: &random) ?? .failed, of: call.permit, at: now)
            }
        }
    }
}
