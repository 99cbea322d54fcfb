import Contracts
import Synchronization

/// The places that this worker has for runs, and who may have how many of them.
///
/// One listener that is slow has no more than its share, and one project no more than its own; and the last places are
/// for projects that have none, so that a few that are slow keep no other waiting. What is over waits here, by its
/// line, for one of these places; what is too much even for that is left to its row, of which somebody is told again.
final class RunSlots: Sendable {
    /// A run that has a place, or waits for one.
    struct Candidate: Sendable {
        let run: String
        let line: RunLine
    }

    private struct State {
        var taken = 0
        var ofLine: [RunLine: Int] = [:]
        var ofProject: [String: Int] = [:]
        /// The runs that wait, by what made them, each with its place among all of them.
        var waiting: [RunLine: Line] = [:]
        var known: Set<String> = []
        var nextNumber = 0
        var isClosed = false
    }

    /// Runs of one line that wait, the oldest first.
    private struct Line {
        private var runs: [(run: String, number: Int)] = []
        private var start = 0

        var first: Int? { start < runs.count ? runs[start].number : nil }

        var count: Int { runs.count - start }

        mutating func append(_ run: String, _ number: Int) { runs.append((run, number)) }

        mutating func removeFirst() -> String {
            defer {
                start += 1
                if start > 1_000, start > runs.count / 2 {
                    runs.removeFirst(start)
                    start = 0
                }
            }
            return runs[start].run
        }
    }

    let count: Int
    /// The most places that runs of one line have, and those of one project.
    let ofLine: Int
    let ofProject: Int
    /// How many places are kept for projects of which nothing runs here.
    let kept: Int
    private let state = Mutex(State())

    /// How many runs wait here at most.
    static let room = 20_000

    init(_ count: Int) {
        self.count = count
        ofLine = max(1, count / 2)
        ofProject = max(1, count * 3 / 4)
        kept = count / 8
    }

    /// Whether there is room for another run.
    var hasRoom: Bool { state.withLock { $0.taken < count } }

    /// How many runs wait here.
    var waiting: Int { state.withLock { $0.known.count } }

    /// The lines of which that many runs, or more, wait here.
    func lines(waiting count: Int) -> Set<RunLine> {
        state.withLock { state in Set(state.waiting.filter { $0.value.count >= count }.keys) }
    }

    /// Takes a place for the run.
    ///
    /// - Returns: False when its line or its project has as many as it may have, or the places that are left are for
    ///   others: it then waits here, where there is room, and ``end(_:)`` answers it.
    func begin(_ candidate: Candidate) -> Bool {
        state.withLock { state in
            guard !mayBegin(candidate.line, state) else {
                take(candidate.line, &state)
                return true
            }
            guard !state.isClosed, state.known.count < Self.room, state.known.insert(candidate.run).inserted else {
                return false
            }
            state.waiting[candidate.line, default: Line()].append(candidate.run, state.nextNumber)
            state.nextNumber += 1
            return false
        }
    }

    /// Gives the place of a run back.
    ///
    /// - Returns: A run that waited and has a place now.
    func end(_ candidate: Candidate) -> Candidate? {
        state.withLock { state in
            let line = candidate.line
            state.taken -= 1
            Self.decrease(&state.ofLine[line])
            Self.decrease(&state.ofProject[line.project])
            let next = state.waiting.filter { mayBegin($0.key, state) }
                .min { $0.value.first ?? .max < $1.value.first ?? .max }
            guard let next, let run = state.waiting[next.key]?.removeFirst() else { return nil }
            if state.waiting[next.key]?.first == nil { state.waiting[next.key] = nil }
            state.known.remove(run)
            take(next.key, &state)
            return Candidate(run: run, line: next.key)
        }
    }

    /// Forgets the runs that wait: this worker stops, and others find them by their rows.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.waiting = [:]
            state.known = []
        }
    }

    private func mayBegin(_ line: RunLine, _ state: State) -> Bool {
        let ofThisProject = state.ofProject[line.project, default: 0]
        guard ofThisProject > 0 else { return true }
        return state.ofLine[line, default: 0] < ofLine && ofThisProject < ofProject && state.taken < count - kept
    }

    private func take(_ line: RunLine, _ state: inout State) {
        state.taken += 1
        state.ofLine[line, default: 0] += 1
        state.ofProject[line.project, default: 0] += 1
    }

    private static func decrease(_ count: inout Int?) {
        count = count.flatMap { $0 > 1 ? $0 - 1 : nil }
    }
}
