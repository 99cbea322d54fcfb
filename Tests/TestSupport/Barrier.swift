/// Lets tasks go on once the given number has arrived; later ones pass.
package actor Barrier {
    private var missing: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// - Parameter count: How many wait for each other.
    package init(_ count: Int) { missing = count }

    /// Waits until enough have come.
    package func arrive() async {
        missing -= 1
        if missing > 0 {
            await withCheckedContinuation { waiting.append($0) }
        } else {
            for continuation in waiting { continuation.resume() }
            waiting = []
        }
    }
}
