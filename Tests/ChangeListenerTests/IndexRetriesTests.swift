import Testing

@testable import ChangeListener

/// When an index is tried again that could not be brought up to date.
@Suite struct IndexRetriesTests {
    private let start = ContinuousClock.now
    private let key = IndexRetries.Key(incarnation: "i", signature: [1])

    @Test func `pauses grow up to a minute, and begin anew after a success`() {
        var retries = IndexRetries()
        var now = start
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60, 1] {
            if seconds == 1 { retries.succeeded(key) }
            #expect(retries.isDue(key, at: now) == (seconds == 1 ? nil : true))
            retries.failed(key, at: now)
            let due = now + .seconds(seconds)
            #expect(retries.isDue(key, at: due - .nanoseconds(1)) == false, "\(seconds)")
            #expect(!retries.isAnyDue(at: due - .nanoseconds(1)))
            #expect(retries.isDue(key, at: due) == true, "\(seconds)")
            #expect(retries.isAnyDue(at: due))
            now = due
        }
    }

    @Test func `an index waits for its own failures only, and one that is no more for nothing`() {
        var retries = IndexRetries()
        let others = [("i", 2), ("j", 1)].map { IndexRetries.Key(incarnation: $0, signature: [$1]) }
        retries.failed(key, at: start)
        for other in others { #expect(retries.isDue(other, at: start) == nil) }
        retries.forget(allBut: [key])
        #expect(retries.isDue(key, at: start) == false)
        retries.forget(allBut: Set(others))
        #expect(retries.isDue(key, at: start) == nil)
        #expect(!retries.isAnyDue(at: start + .seconds(3_600)))
    }
}
