import Contracts
import Testing

@testable import SequenceWorker

/// Who gets the places of a worker.
@Suite struct RunSlotsTests {
    private typealias Candidate = RunSlots.Candidate

    private func candidate(_ run: String, _ source: String = "slow", of project: String = "p") -> Candidate {
        Candidate(run: run, line: RunLine(project: project, cause: .listener, source: source))
    }

    @Test func `a listener has half of the places and a project three quarters, and others have the rest`() {
        let slots = RunSlots(8)
        #expect((0..<10).filter { slots.begin(candidate("a\($0)")) } == Array(0..<4))
        #expect((0..<10).filter { slots.begin(candidate("b\($0)", "slow too")) } == [0, 1])
        #expect(slots.hasRoom)
        #expect(slots.begin(candidate("c", of: "other")) && !slots.begin(candidate("d", of: "other")))
        #expect(slots.hasRoom && slots.waiting == 15)
    }

    @Test func `the last places are for projects that have none, and those that wait for others follow in order`() {
        let slots = RunSlots(8)
        let slow = (0..<12).map { candidate("a\($0)", "l\($0 % 2)", of: "p\($0 % 3)") }
        #expect(slow.map(slots.begin) == (0..<12).map { $0 < 7 })
        let newcomer = candidate("new", of: "quick")
        #expect(slots.begin(newcomer) && !slots.hasRoom)
        // Its place is for the next of its kind.
        #expect(slots.end(newcomer) == nil && slots.waiting == 5)
        #expect(slots.begin(candidate("newer", of: "quicker")))
        #expect(slow[..<3].map { slots.end($0)?.run } == [nil, "a7", "a8"])
    }

    @Test func `what waits begins in its order, once, when a place of its own is free`() {
        let slots = RunSlots(4)
        let (first, second) = (candidate("a0"), candidate("a1"))
        #expect(slots.begin(first) && slots.begin(second) && slots.begin(candidate("b0", "b")))
        for run in ["a2", "a3", "a2"] { #expect(!slots.begin(candidate(run))) }
        #expect(!slots.begin(candidate("b1", "b")))
        #expect(slots.waiting == 3)
        // The one of another project frees nothing for these.
        let other = candidate("x", of: "other")
        #expect(slots.begin(other) && slots.end(other) == nil)
        let next = [first, second].map { slots.end($0)?.run }
        #expect(next == ["a2", "a3"])
        #expect(slots.end(candidate("b0", "b"))?.run == "b1")
        for run in ["a2", "a3"] { #expect(slots.end(candidate(run)) == nil) }
        #expect(slots.end(candidate("b1", "b")) == nil)
        // All places are free again.
        #expect((0..<4).allSatisfy { slots.begin(candidate("n\($0)", "l\($0 % 2)", of: "p\($0 % 2)")) })
        #expect(!slots.hasRoom)
    }

    @Test func `a line is known to be crowded while many of it wait, and by its own runs alone`() {
        let slots = RunSlots(2)
        let first = candidate("a0")
        #expect(slots.begin(first) && slots.begin(candidate("other", of: "q")))
        for run in ["a1", "a2"] { #expect(!slots.begin(candidate(run))) }
        #expect(!slots.begin(candidate("b", "b")))
        #expect(slots.lines(waiting: 2) == [first.line] && slots.lines(waiting: 3).isEmpty)
        #expect(slots.end(first)?.run == "a1")
        #expect(slots.lines(waiting: 2).isEmpty)
    }

    @Test func `the order of runs of a project is that in which they came, whatever made them`() {
        let slots = RunSlots(4)
        let begun = [candidate("a", "a"), candidate("b", "b"), candidate("c", "c")]
        #expect(begun.allSatisfy(slots.begin))
        #expect(!slots.begin(candidate("d", "d")) && !slots.begin(candidate("a1", "a")))
        #expect(begun.map { slots.end($0)?.run } == ["d", "a1", nil])
    }

    @Test func `one place is everybody's, and nobody waits for it here`() {
        let slots = RunSlots(1)
        let run = candidate("a")
        #expect(slots.begin(run) && slots.end(run) == nil && slots.begin(candidate("b", of: "other")))
    }

    @Test func `a worker that stops keeps nothing waiting, and no more wait than there is room for`() {
        let slots = RunSlots(2)
        let first = candidate("first")
        #expect(slots.begin(first))
        for number in 0...RunSlots.room { #expect(!slots.begin(candidate("\(number)"))) }
        #expect(slots.waiting == RunSlots.room)
        slots.close()
        #expect(slots.waiting == 0 && slots.end(first) == nil)
        #expect(slots.begin(first) && !slots.begin(candidate("late")) && slots.waiting == 0)
    }
}
