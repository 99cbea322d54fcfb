/// A queue on an array: `append` and `popFirst` in constant time, on the whole.
struct FIFO<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }

    var count: Int { elements.count - head }

    var first: Element? { isEmpty ? nil : elements[head] }

    mutating func append(_ element: Element) {
        elements.append(element)
    }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = elements[head]
        elements[head] = nil
        head += 1
        if head == elements.count {
            elements.removeAll(keepingCapacity: head <= 4_096)
            head = 0
        } else if head >= 1_024, head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    /// Puts `others` before the first one, in their order.
    mutating func prepend(_ others: [Element]) {
        guard !others.isEmpty else { return }
        elements.replaceSubrange(0..<head, with: others.map(Optional.some))
        head = 0
    }

    /// Takes out those that fulfil the condition, which is asked of each once; the others keep their order.
    mutating func removeAll(where isTaken: (Element) -> Bool) -> [Element] {
        var taken: [Element] = []
        var end = head
        for index in head..<elements.count {
            guard let element = elements[index] else { continue }
            if isTaken(element) {
                taken.append(element)
            } else {
                if end < index { elements[end] = element }
                end += 1
            }
        }
        elements.removeSubrange(end...)
        return taken
    }

    /// Takes everything out.
    mutating func removeAll() -> [Element] {
        defer { self = FIFO() }
        return elements[head...].compactMap { $0 }
    }
}
