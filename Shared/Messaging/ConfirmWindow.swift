/// What was published on a channel and is not confirmed yet, by delivery tag.
///
/// Tags count from one on every channel (RabbitMQ, "Publisher Confirms"); the broker confirms one, or all up to one, in
/// any order.
struct ConfirmWindow<Element> {
    private var slots: [Element?] = []
    /// The slots before it are settled and waiting for their removal.
    private var head = 0
    private var firstTag: UInt64 = 1
    /// How many are not confirmed.
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// The oldest that is not confirmed.
    var first: Element? { isEmpty ? nil : slots[head] }

    /// The tag that the next one will have.
    var nextTag: UInt64 { firstTag + UInt64(slots.count) }

    mutating func append(_ element: Element) {
        slots.append(element)
        count += 1
    }

    /// Changes the one of that tag; no effect when it is confirmed or unknown.
    mutating func update(_ tag: UInt64, _ change: (inout Element) -> Void) {
        guard let index = index(of: tag), var element = slots[index] else { return }
        change(&element)
        slots[index] = element
    }

    /// Removes what the broker confirmed, in the order of publishing; unknown tags have no effect.
    mutating func settle(_ tag: UInt64, isMultiple: Bool, _ body: (Element) -> Void) {
        guard let last = index(of: tag) else { return }
        for index in (isMultiple ? head : last)...last {
            guard let element = slots[index] else { continue }
            slots[index] = nil
            count -= 1
            body(element)
        }
        advance()
    }

    /// Removes those that fulfil the condition, which is asked with their tags; a confirmation that comes later has no
    /// effect.
    mutating func abandon(where isAbandoned: (UInt64, Element) -> Bool) -> [Element] {
        var abandoned: [Element] = []
        for index in head..<slots.count {
            guard let element = slots[index], isAbandoned(firstTag + UInt64(index), element) else { continue }
            slots[index] = nil
            count -= 1
            abandoned.append(element)
        }
        advance()
        return abandoned
    }

    /// Takes out all that is not confirmed, and starts again for a new channel.
    mutating func restart() -> [Element] {
        defer { self = ConfirmWindow() }
        return slots[head...].compactMap { $0 }
    }

    private func index(of tag: UInt64) -> Int? {
        guard tag >= firstTag, tag < nextTag else { return nil }
        let index = Int(tag - firstTag)
        return index < head ? nil : index
    }

    private mutating func advance() {
        while head < slots.count, slots[head] == nil {
            head += 1
        }
        guard head == slots.count || head >= 1_024 else { return }
        slots.removeFirst(head)
        firstTag += UInt64(head)
        head = 0
    }
}
