import CouchProtocol
import Testing

@testable import DocumentStore

@Suite struct CommitQueueTests {
    private func request(_ id: String, bytes: Int = 2) -> CommitQueue.Request {
        let body = DocumentBody(bytes: [UInt8](repeating: 0x20, count: bytes), isFaithfulInJSONB: true)
        return CommitQueue.Request(
            database: Database(
                id: 1,
                name: "db",
                incarnation: "x",
                originalIncarnation: "x",
                settings: DatabaseSettings()
            ),
            edits: [
                DocumentEdit(id: DocumentID(stored: id), revision: .next(after: nil), body: body, tags: AskedTags())
            ],
            caller: .administrator(name: "admin"),
            traceID: nil
        )
    }

    /// A queue whose commits say that they begin, and wait for a permission each.
    private func queue(_ permissions: AsyncStream<Void>, _ beginnings: AsyncStream<Void>.Continuation) -> CommitQueue {
        CommitQueue { requests in
            beginnings.yield()
            for await _ in permissions { break }
            return requests.map { _ in .success([.refused(.conflict)]) }
        }
    }

    @Test func `what cannot wait is refused, and the rest is committed`() async throws {
        let (permissions, permit) = AsyncStream.makeStream(of: Void.self)
        let (beginnings, begin) = AsyncStream.makeStream(of: Void.self)
        let queue = queue(permissions, begin)
        let large = 200 << 20
        await withTaskGroup(of: Result<[EditOutcome], any Error>.self) { group in
            for number in 0..<4 {
                group.addTask {
                    await Result { try await queue.submit(self.request("d\(number)", bytes: large)) }
                }
                if number == 0 { for await _ in beginnings { break } }
            }
            // One is being committed, one waits behind it; for the others there is no room.
            var refused = 0
            for await result in group {
                guard case .failure(let error) = result else { continue }
                #expect((error as? CouchError)?.status == 503)
                refused += 1
                if refused == 2 { permit.finish() }
            }
            #expect(refused == 2)
        }
        // It takes writes again.
        #expect(try await queue.submit(request("again", bytes: large)) == [.refused(.conflict)])
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
