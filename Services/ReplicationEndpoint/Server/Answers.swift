import CouchProtocol
import HTTPTypes
import Hummingbird
import JSON
import NIOCore

extension Response {
    /// A JSON text as CouchDB sends it, with a line's end behind it.
    static func json(bytes: [UInt8], status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        if headers[.cacheControl] == nil { headers[.cacheControl] = "must-revalidate" }
        var buffer = ByteBuffer()
        buffer.reserveCapacity(bytes.count + 1)
        buffer.writeBytes(bytes)
        buffer.writeInteger(UInt8(ascii: "\n"))
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: buffer))
    }

    /// A JSON value as CouchDB sends it.
    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        json(bytes: value.bytes, status: status, headers: headers)
    }

    /// JSON that is written while it is sent, and whose end `write` does not have to say.
    static func streamed(
        _ write: @escaping @Sendable @concurrent (inout any ResponseBodyWriter) async throws -> Void
    ) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "application/json", .cacheControl: "must-revalidate"],
            body: ResponseBody { writer in
                try await write(&writer)
                try await writer.finish(nil)
            }
        )
    }

    /// The answer that says `{"ok":true}`.
    static func ok(_ status: HTTPResponse.Status = .ok) -> Response {
        json(["ok": true], status: status)
    }

    /// The answer to a request that failed.
    static func failure(_ error: CouchError) -> Response {
        json(
            ["error": .string(error.error), "reason": .string(error.reason)],
            status: HTTPResponse.Status(code: error.status)
        )
    }
}
