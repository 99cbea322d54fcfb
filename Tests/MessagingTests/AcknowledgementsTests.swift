import TestSupport
import Testing

@testable import Messaging

@Suite struct AcknowledgementsTests {
    @Test func `deliveries that are settled in order are told by one frame`() {
        var acknowledgements = Acknowledgements()
        let alone = (UInt64(1)...5).map { acknowledgements.acknowledge($0) }
        let told = [acknowledgements.take(), acknowledgements.take()]
        #expect(!alone.contains(true))
        #expect(told == [5, nil])
    }

    @Test func `a delivery behind an open one is told by itself`() {
        var acknowledgements = Acknowledgements()
        var alone: [Bool] = []
        var told: [UInt64?] = []
        for tag in [UInt64(2), 1, 3] {
            alone.append(acknowledgements.acknowledge(tag))
            told.append(acknowledgements.take())
        }
        #expect(alone == [true, false, false])
        #expect(told == [nil, 1, 3])
    }

    @Test func `the broker hears of each acknowledged delivery, and of no other`() {
        var generator = SeededGenerator.announced()
        for _ in 0..<200 {
            var acknowledgements = Acknowledgements()
            var open = Array(UInt64(1)...40)
            // What the broker has not been told of, and what it must not be told of yet.
            var unsettled = Set(open)
            var unacknowledged: Set<UInt64> = []
            func tell(upTo tag: UInt64) {
                #expect(unsettled.allSatisfy { $0 > tag })
                unacknowledged = unacknowledged.filter { $0 > tag }
            }
            while !open.isEmpty {
                let tag = open.remove(at: Int.random(in: 0..<min(3, open.count), using: &generator))
                unsettled.remove(tag)
                if Int.random(in: 0..<8, using: &generator) == 0 {
                    acknowledgements.settle(tag)
                } else {
                    unacknowledged.insert(tag)
                    if acknowledgements.acknowledge(tag) { unacknowledged.remove(tag) }
                }
                if Bool.random(using: &generator), let told = acknowledgements.take() { tell(upTo: told) }
            }
            if let told = acknowledgements.take() { tell(upTo: told) }
            #expect(unacknowledged.isEmpty)
        }
    }
}
