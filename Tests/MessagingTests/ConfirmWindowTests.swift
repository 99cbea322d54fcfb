import TestSupport
import Testing

@testable import Messaging

@Suite struct ConfirmWindowTests {
    /// What the window should do, said the slow way.
    private struct Model {
        var tags: [(tag: UInt64, element: Int)] = []
        var nextTag: UInt64 = 1

        mutating func settle(_ tag: UInt64, isMultiple: Bool) -> [Int] {
            // A tag that was never given out confirms nothing, even with `multiple`.
            guard tag < nextTag else { return [] }
            let isSettled = { (entry: UInt64) in isMultiple ? entry <= tag : entry == tag }
            defer { tags.removeAll { isSettled($0.tag) } }
            return tags.filter { isSettled($0.tag) }.map(\.element)
        }
    }

    @Test func `random confirmations settle what a list of tags says`() {
        var generator = SeededGenerator.announced()
        for _ in 0..<20 {
            var window = ConfirmWindow<Int>()
            var model = Model()
            for step in 0..<5_000 {
                switch Int.random(in: 0..<100, using: &generator) {
                case 0..<55:
                    #expect(window.nextTag == model.nextTag)
                    window.append(step)
                    model.tags.append((model.nextTag, step))
                    model.nextTag += 1
                case 55..<90:
                    let tag = UInt64.random(in: 0...model.nextTag + 1, using: &generator)
                    let recent = max(tag, model.nextTag - min(model.nextTag, 40))
                    let isMultiple = Int.random(in: 0..<10, using: &generator) == 0
                    var settled: [Int] = []
                    window.settle(recent, isMultiple: isMultiple) { settled.append($0) }
                    #expect(settled == model.settle(recent, isMultiple: isMultiple))
                case 90..<95:
                    let (oldest, remainder) = (model.tags.first?.tag, step % 7)
                    let isAbandoned = { (tag: UInt64, element: Int) in
                        tag == oldest || (abs(element) + Int(tag)) % 7 == remainder
                    }
                    #expect(window.abandon(where: isAbandoned) == model.tags.filter(isAbandoned).map(\.element))
                    model.tags.removeAll(where: isAbandoned)
                case 95..<99:
                    guard let (tag, _) = model.tags.randomElement(using: &generator) else { continue }
                    window.update(tag) { $0 = -$0 }
                    for index in model.tags.indices where model.tags[index].tag == tag {
                        model.tags[index].element.negate()
                    }
                default:
                    #expect(window.restart() == model.tags.map(\.element))
                    model = Model()
                }
                #expect(window.count == model.tags.count)
                #expect(window.first == model.tags.first?.element)
            }
        }
    }

    @Test func `a queue gives out what came in, in order, whatever is put before or taken out`() {
        var generator = SeededGenerator(seed: 7)
        var queue = FIFO<Int>()
        var model: [Int] = []
        for step in 0..<50_000 {
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<50:
                queue.append(step)
                model.append(step)
            case 50..<97:
                #expect(queue.popFirst() == model.first)
                if !model.isEmpty { model.removeFirst() }
            case 97:
                let isTaken = { (element: Int) in (element + step).isMultiple(of: 5) }
                #expect(queue.removeAll(where: isTaken) == model.filter(isTaken))
                model.removeAll(where: isTaken)
            case 98:
                queue.prepend([step, -step])
                model.insert(contentsOf: [step, -step], at: 0)
            default:
                if step.isMultiple(of: 10) {
                    #expect(queue.removeAll() == model)
                    model = []
                }
            }
            #expect(queue.count == model.count && queue.first == model.first && queue.isEmpty == model.isEmpty)
        }
    }
}
