/// Takes the elements out of the first array of a JSON object while its text is still coming in.
///
/// For answers such as `{"results":[…, …, …],"last_seq":7}`: each element is handed over as soon as its last byte is
/// there, and what stays is the text around them. It finds the ends of elements and checks nothing else; whoever reads
/// an element, or the rest, notices what is no JSON.
public struct JSONElementSplitter: Sendable {
    /// How many bytes one element may have.
    private let elementLimit: Int
    private var depth = 0
    private var inString = false
    private var isEscaped = false
    /// The bytes of the element that is coming in.
    private var element: [UInt8] = []
    /// Whether the array is still to come, open, or over.
    private var place = Place.before

    private enum Place {
        case before
        case inside
        case after
    }

    /// The text without the elements: an object with an empty array in their place.
    public private(set) var rest: [UInt8] = []

    /// A splitter at the start of a text.
    ///
    /// - Parameter elementLimit: How many bytes one element, or all around the elements, may have.
    public init(elementLimit: Int = 256 << 20) {
        self.elementLimit = elementLimit
    }

    /// Takes in the next bytes of the text.
    ///
    /// - Returns: The elements that are complete with them.
    public mutating func append(_ bytes: some Sequence<UInt8>) throws(JSONError) -> [[UInt8]] {
        var complete: [[UInt8]] = []
        for byte in bytes {
            if place == .inside { take(byte, &complete) } else { takeAround(byte) }
            guard element.count <= elementLimit, rest.count <= elementLimit else {
                throw JSONError(reason: "an element of more than \(elementLimit) bytes", offset: rest.count)
            }
        }
        return complete
    }

    private mutating func take(_ byte: UInt8, _ complete: inout [[UInt8]]) {
        if inString {
            element.append(byte)
            follow(byte)
            return
        }
        switch byte {
        case UInt8(ascii: ",") where depth == 0: finishElement(&complete)
        case UInt8(ascii: "]") where depth == 0:
            finishElement(&complete)
            rest.append(byte)
            place = .after
        case 0x20, 0x09, 0x0A, 0x0D: if !element.isEmpty { element.append(byte) }
        default:
            element.append(byte)
            follow(byte)
        }
    }

    private mutating func finishElement(_ complete: inout [[UInt8]]) {
        guard !element.isEmpty else { return }
        complete.append(element)
        element = []
    }

    private mutating func takeAround(_ byte: UInt8) {
        rest.append(byte)
        let wasInString = inString
        follow(byte)
        guard !wasInString, place == .before, byte == UInt8(ascii: "["), depth == 2 else { return }
        place = .inside
        depth = 0
    }

    /// Follows strings and brackets.
    private mutating func follow(_ byte: UInt8) {
        if inString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                inString = false
            }
            return
        }
        switch byte {
        case UInt8(ascii: "\""): inString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
        default: break
        }
    }
}
