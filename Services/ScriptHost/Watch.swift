import ScriptHosting
import Synchronization

/// What the host is doing, for the thread that watches over it.
final class Watch: Sendable {
    /// Odd while a script runs; each call makes it two more.
    private let calls = Atomic<UInt64>(0)
    private let function = Atomic<Int>(0)
    private let request = Mutex(Request())

    /// The request in hand.
    struct Request: Sendable {
        var isBusy = false
        /// What the functions are called, in their order.
        var names: [String] = []
    }

    /// A request is in hand, with functions of these names.
    func begin(names: [String]) {
        function.store(0, ordering: .relaxed)
        request.withLock { $0 = Request(isBusy: true, names: names) }
    }

    /// The request's reply is about to be sent.
    func end() {
        request.withLock { $0 = Request() }
    }

    /// Runs a script's code as a call of the function of that index.
    func call<Value, Failure: Error>(
        _ index: Int,
        _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        function.store(index, ordering: .relaxed)
        calls.add(1, ordering: .releasing)
        defer { calls.add(1, ordering: .releasing) }
        return try body()
    }

    /// A number for the call that is being made, or nil when none is.
    var currentCall: UInt64? {
        let calls = calls.load(ordering: .acquiring)
        return calls % 2 == 1 ? calls : nil
    }

    /// Whether a request is in hand.
    var isBusy: Bool { request.withLock { $0.isBusy } }

    /// What the function that was called last is called.
    var currentFunction: String {
        let index = function.load(ordering: .relaxed)
        return request.withLock { $0.names.indices.contains(index) ? $0.names[index] : $0.names.first ?? "" }
    }
}
