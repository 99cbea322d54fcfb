import Testing

@testable import CouchProtocol

/// The revisions that tell a reader what was lost and what came back.
@Suite struct RevocationTests {
    private let revision = RevisionID(generation: 3, hash: .text(Array("abc".utf8)))

    private var path: RevisionPath { RevisionPath(revision) }

    @Test func `they follow what they are made from, and are the same each time`() {
        let tombstone = Revocation.tombstone(of: revision)
        #expect(tombstone.generation == 4)
        #expect(tombstone == Revocation.tombstone(of: revision))
        let comeback = Revocation.comeback(after: tombstone)
        #expect(comeback.generation == 5)
        #expect(Set([tombstone, comeback, Revocation.tombstone(of: comeback)]).count == 3)
    }

    @Test func `they are recognised by their ancestors, and nothing else is`() {
        let tombstone = path.appending(Revocation.tombstone(of: revision).hash)
        let comeback = tombstone.appending(Revocation.comeback(after: tombstone.revision).hash)
        #expect(Revocation.isOurs(tombstone))
        #expect(Revocation.isOurs(comeback))
        #expect(Revocation.isOurs(comeback.appending(Revocation.tombstone(of: comeback.revision).hash)))
        #expect(!Revocation.isOurs(path))
        // Without the ancestor nobody can tell.
        #expect(!Revocation.isOurs(tombstone.prefix(1)))
        #expect(!Revocation.isOurs(comeback.prefix(2)))
        #expect(!Revocation.isOurs(comeback.appending(.text(Array("edit".utf8)))))
        let other = RevisionPath(RevisionID(generation: 3, hash: .text(Array("abd".utf8))))
        #expect(!Revocation.isOurs(other.appending(tombstone.revision.hash)))
    }
}
