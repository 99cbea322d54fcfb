/// A string that is equal to another only when their code points are the same.
///
/// Swift's strings are equal when Unicode calls them canonically equivalent, so that `é` in one code point equals `é`
/// in two. To JSON they are different names and different values.
struct ExactText: Hashable {
    let text: String

    init(_ text: String) {
        self.text = text
    }

    static func == (lhs: ExactText, rhs: ExactText) -> Bool {
        areEqual(lhs.text, rhs.text)
    }

    static func areEqual(_ lhs: String, _ rhs: String) -> Bool {
        lhs.utf8.count == rhs.utf8.count && lhs.utf8.elementsEqual(rhs.utf8)
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(bytesOf: text)
    }
}

extension Hasher {
    /// Adds the bytes of a text's UTF-8: for names that are equal by their bytes alone.
    package mutating func combine(bytesOf text: String) {
        let isDone: Void? = text.utf8.withContiguousStorageIfAvailable {
            combine(bytes: UnsafeRawBufferPointer($0))
        }
        if isDone == nil { for byte in text.utf8 { combine(byte) } }
    }
}
