import Synchronization

/// Whether what matters has been sent, from when on nobody knows its fate until the back end says it.
final class SentMark: Sendable {
    private let mark = Atomic<Bool>(false)

    var isSet: Bool { mark.load(ordering: .acquiring) }

    func set() { mark.store(true, ordering: .releasing) }
}
