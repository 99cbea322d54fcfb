import Messaging
import Synchronization

/// What handlers saw, in order, and a way to wait for it.
final class Collector<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var waiters: [(@Sendable ([Element]) -> Bool, CheckedContinuation<[Element], Never>)] = []
    }

    private let state = Mutex(State())

    var elements: [Element] { state.withLock { $0.elements } }

    func append(_ element: Element) {
        let ready = state.withLock { state in
            state.elements.append(element)
            let elements = state.elements
            let ready = state.waiters.filter { $0.0(elements) }.map(\.1)
            state.waiters.removeAll { $0.0(elements) }
            return ready.map { ($0, elements) }
        }
        for (waiter, elements) in ready {
            waiter.resume(returning: elements)
        }
    }

    /// Returns once `condition` holds for what came.
    @discardableResult
    func wait(until condition: @escaping @Sendable ([Element]) -> Bool) async -> [Element] {
        await withCheckedContinuation { continuation in
            let early = state.withLock { state -> [Element]? in
                if condition(state.elements) { return state.elements }
                state.waiters.append((condition, continuation))
                return nil
            }
            if let early { continuation.resume(returning: early) }
        }
    }

    @discardableResult
    func wait(for count: Int) async -> [Element] {
        await wait { $0.count >= count }
    }
}

/// A door that handlers wait at until a test opens it.
final class Gate: Sendable {
    private let collector = Collector<Void>()

    func open() {
        collector.append(())
    }

    var isOpen: Bool { !collector.elements.isEmpty }

    func wait() async {
        await collector.wait(for: 1)
    }
}
