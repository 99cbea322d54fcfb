import CouchProtocol
import DocumentStore
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOEmbedded
import Postgres
import Testing

@testable import ReplicationEndpoint

/// What is gathered of a body in parts counts as bodies do that are read whole.
@Suite struct PartMemoryTests {
    /// A body whose first part is that long, and has no end.
    private struct EndlessPart: AsyncSequence, Sendable {
        let head: String
        let pieces: Int

        func makeAsyncIterator() -> AsyncStream<ByteBuffer>.Iterator {
            AsyncStream { continuation in
                continuation.yield(ByteBuffer(string: head))
                for _ in 0..<pieces { continuation.yield(ByteBuffer(repeating: 0x20, count: 1_000)) }
                continuation.finish()
            }
            .makeAsyncIterator()
        }
    }

    private func exchange(_ type: String, _ body: EndlessPart, _ memory: BodyMemory) -> Exchange {
        let channel = EmbeddedChannel()
        return Exchange(
            request: Request(
                head: HTTPRequest(
                    method: .put,
                    scheme: nil,
                    authority: nil,
                    path: "/db/d",
                    headerFields: [.contentType: "\(type); boundary=b"]
                ),
                body: RequestBody(asyncSequence: body)
            ),
            method: .put,
            principal: .anonymous,
            sender: { nil },
            client: ClientConnection(peer: nil, headers: [:], proxies: []),
            channel: channel,
            query: Query(nil),
            limits: EndpointLimits(),
            bodyShare: BodyShare(of: memory, for: "ann")
        )
    }

    private func store() throws -> DocumentStore {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return DocumentStore(
            PostgresClient(try PostgresConfiguration(url: "postgres://nobody@localhost:1/none"), logger: logger),
            logger: logger
        )
    }

    @Test func `the document of a multipart body takes of the memory for bodies`() async throws {
        let memory = BodyMemory(limit: 40_000)
        let body = EndlessPart(head: "--b\r\n\r\n", pieces: 20)
        let error = await #expect(throws: CouchError.self) {
            let exchange = exchange("multipart/related", body, memory)
            _ = try await MultipartDocument.read(exchange, rules: DocumentRules(), to: try store())
        }
        #expect(error?.status == 429)
        #expect(memory.total == 0)
    }

    @Test func `the fields of a form take of the memory for bodies`() async throws {
        let memory = BodyMemory(limit: 40_000)
        let head = "--b\r\nContent-Disposition: form-data; name=\"_doc\"\r\n\r\n"
        let error = await #expect(throws: CouchError.self) {
            let exchange = exchange("multipart/form-data", EndlessPart(head: head, pieces: 20), memory)
            _ = try await DocumentForm.read(exchange, rules: DocumentRules(), to: try store())
        }
        #expect(error?.status == 429)
        #expect(memory.total == 0)
    }
}
