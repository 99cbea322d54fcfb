import Crypto
import Foundation
import JSON

/// How the turns of a run's loops are known again when the run is repeated.
///
/// The place of an effect is the step and, of each loop around it, the turn. Which turn that is, is said by what the
/// turn is for, and not by its number: a list that is read anew may have lost what the attempt before has dealt with,
/// and have got other things. So a turn is known by, in this order,
///
/// 1. what the loop's `key` says;
/// 2. the element's `_id`, or else its `id` (in any case of letters), of a view's row together with its `key`: what a
///    step has done to a thing changes the thing, and not its id. Where elements of the list differ that have the same
///    id, as the lines of an order have in a join, it is no id of theirs: then all of the element counts, whatever the
///    order of its members, and goes on to count at later attempts, which may find one of them left;
/// 3. the element, where it is a text, a number, true, false or null,
///
/// and, of several turns of one loop that are the same by that, by which of them it is, in their order. Anything else
/// is known by its number: an object without an id that a turn changes, or that has a time in it, would be another one
/// at each attempt. So is a turn of `while`, which has no element. What a turn's steps are given is no part of it, so
/// times and random numbers in it make no effect another one.
///
/// What is kept, and told to back ends in keys, is a digest under a key that each run has of its own: what a list says
/// is not to be found out from it.
package enum TurnNaming: Sendable, Hashable {
    /// By their numbers alone: how runs began that are older than the other way.
    case byNumber
    /// By what they are for, under the run's key.
    case bySubject(runKey: String)
}

/// Names the turns of one loop, one after the other.
struct TurnNames {
    private let naming: TurnNaming
    private var number = 0
    /// How many turns there were for each subject.
    private var counts: [String: Int] = [:]

    /// 96 bits are more than all turns of a run can make two alike of.
    private static let digestLength = 12

    init(_ naming: TurnNaming) {
        self.naming = naming
    }

    /// The name of the next turn: `#` and its number, or `@` and the digest of its subject, with `~` and a number when
    /// it is not the first one for that.
    ///
    /// - Parameter subject: What it is for; nil when only its number says so.
    mutating func next(for subject: JSONValue?) -> String {
        number += 1
        guard case .bySubject(let key) = naming, let subject else { return "#\(number)" }
        let digest = Self.digest(of: subject, key: key)
        let count = counts[digest, default: 0] + 1
        counts[digest] = count
        return "@\(digest)" + (count == 1 ? "" : "~\(count)")
    }

    /// What a turn for an element of a list is for, when the loop does not say; nil when only its number says so.
    ///
    /// - Parameter isWhole: Whether all of an element that has an id counts.
    static func subject(of element: JSONValue, isWhole: Bool = false) -> JSONValue? {
        guard element.arrayValue == nil else { return nil }
        guard element.objectValue != nil else { return element }
        guard let identity = Self.identity(of: element) else { return nil }
        return isWhole ? ["whole": element] : identity
    }

    /// What the ids of a list's elements say about them.
    enum Identities: Sendable, Hashable {
        /// None has one.
        case missing
        /// Of those that have the same one all are alike.
        case own
        /// Some differ that have the same one.
        case shared
    }

    /// What the ids of a list's elements say about them.
    static func identities(of elements: [JSONValue]) -> Identities {
        var first: [[UInt8]: JSONValue] = [:]
        for element in elements {
            guard let identity = Self.identity(of: element)?.canonicalBytes else { continue }
            guard let other = first[identity] else {
                first[identity] = element
                continue
            }
            if other.canonicalBytes != element.canonicalBytes { return .shared }
        }
        return first.isEmpty ? .missing : .own
    }

    /// What an object's id says that it is; nil for one without an id, and for anything else.
    private static func identity(of element: JSONValue) -> JSONValue? {
        guard let members = element.objectValue else { return nil }
        if let id = identifier("_id", in: members) { return ["id": id] }
        guard let id = identifier("id", in: members) else { return nil }
        // A view has as many rows of a document as its function emits; elsewhere a `key` may change.
        let isRow = members["id"] != nil && members["value"] != nil
        guard isRow, let key = members["key"] else { return ["id": id] }
        return ["id": id, "key": key]
    }

    /// The text or number of that name, in any case of letters, as databases have it.
    private static func identifier(_ name: String, in members: JSONObject) -> JSONValue? {
        let found = members[name] ?? members.first { $0.0.lowercased() == name }?.1
        switch found {
        case .string(let text)? where !text.isEmpty: return found
        case .number?: return found
        default: return nil
        }
    }

    private static func digest(of subject: JSONValue, key: String) -> String {
        let code = HMAC<SHA256>.authenticationCode(
            for: subject.canonicalBytes,
            using: SymmetricKey(data: Array(key.utf8))
        )
        return Data(code.prefix(digestLength)).base64EncodedString()
            .replacing("+", with: "-")
            .replacing("/", with: "_")
    }
}
