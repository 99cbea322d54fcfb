/// Where the content of an attachment is to be read from, piece by piece, as often as somebody asks.
///
/// Each is equal to itself alone: what it gives is told by the attachment that has it.
package final class AttachmentSource: Sendable {
    private let begin: @Sendable () async throws -> ReplicaStream<[UInt8]>

    /// - Parameter open: Begins to read the content from its start.
    package init(open: @escaping @Sendable () async throws -> ReplicaStream<[UInt8]>) {
        begin = open
    }

    /// Begins to read the content from its start.
    package func open() async throws -> ReplicaStream<[UInt8]> { try await begin() }

    /// The whole content.
    ///
    /// - Parameter limit: How many bytes it may have.
    /// - Throws: ``CouchError/tooLarge``, and what reading it comes to.
    package func bytes(limit: Int = .max) async throws -> [UInt8] {
        let stream = try await open()
        var bytes: [UInt8] = []
        while let piece = try await stream.next() {
            bytes += piece
            guard bytes.count <= limit else { throw CouchError.tooLarge }
        }
        return bytes
    }
}

extension AttachmentSource: Hashable {
    package static func == (lhs: AttachmentSource, rhs: AttachmentSource) -> Bool { lhs === rhs }

    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
