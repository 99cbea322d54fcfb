import Contracts
import Crypto
import JSON
import Sequences
import Synchronization

/// Answers of sequences that are given again to calls that are alike, for as long as the sequences say.
///
/// Each process has its own. A new version of a project begins with none, as its number is part of the key.
final class AnswerCache: Sendable {
    /// What tells calls apart.
    struct Key: Hashable {
        private let digest: SHA256.Digest

        /// - Parameters:
        ///   - caching: Which variables count, and whether the caller does.
        ///   - version: The project's version.
        init(
            _ caching: SequenceDefinition.Caching,
            _ definition: SequenceDefinition,
            version: Int,
            variables: JSONObject,
            caller: CallerIdentity
        ) {
            var parts: [JSONValue] = [
                .string(definition.project), .number(JSONNumber(version)), .string(definition.name),
                .object(
                    caching.variables.map { names in
                        JSONObject(names.map { ($0, variables[$0] ?? .null) })
                    } ?? variables
                ),
            ]
            if !caching.isShared {
                parts += [
                    caller.user.map(JSONValue.string) ?? .null, .bool(caller.isAdministrator),
                    // What a session keeps differs between those of one user.
                    caller.session.map(JSONValue.string) ?? .null,
                    .array(caller.groups.sorted().map(JSONValue.string)),
                ]
            }
            digest = SHA256.hash(data: JSONValue.array(parts).canonicalBytes)
        }
    }

    /// An answer that is kept.
    struct Entry: Sendable {
        let body: JSONValue
        let head: AnswerHead
        let run: String
        let made: ContinuousClock.Instant
        let until: ContinuousClock.Instant
    }

    private struct State {
        var entries: [Key: (entry: Entry, size: Int)] = [:]
        var size = 0
    }

    private let state = Mutex(State())
    private let limit: Int

    /// About how many bytes an entry takes besides its texts: there may be very many small ones.
    private static let overhead = 512

    /// - Parameter limit: How many bytes are kept; when there are more, those are let go that are over, and
    ///   then all.
    init(limit: Int = 64 << 20) {
        self.limit = limit
    }

    func entry(for key: Key, at now: ContinuousClock.Instant) -> Entry? {
        state.withLock { state in
            guard let found = state.entries[key] else { return nil }
            guard found.entry.until > now else {
                state.entries[key] = nil
                state.size -= found.size
                return nil
            }
            return found.entry
        }
    }

    func keep(_ entry: Entry, for key: Key) {
        let size = entry.body.bytes.count + JSONValue.object(entry.head.fields).bytes.count + Self.overhead
        // One that fills a good part of it would let go all others.
        guard size <= limit / 16 else { return }
        state.withLock { state in
            state.size += size - (state.entries[key]?.size ?? 0)
            state.entries[key] = (entry, size)
            guard state.size > limit else { return }
            state.entries = state.entries.filter { $0.value.entry.until > entry.made }
            state.size = state.entries.values.reduce(0) { $0 + $1.size }
            if state.size > limit {
                state.entries = [key: (entry, size)]
                state.size = size
            }
        }
    }
}
