import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import XML

extension AnswerFormat {
    /// A value as an answer.
    ///
    /// - Parameter root: The root element of XML.
    func response(
        _ value: JSONValue,
        root: String,
        status: HTTPResponse.Status = .ok,
        headers: HTTPFields
    ) -> Response {
        switch self {
        case .json: return .json(value, status: status, headers: headers)
        case .xml:
            var headers = headers
            headers[.contentType] = contentType
            if headers[.cacheControl] == nil { headers[.cacheControl] = "must-revalidate" }
            let text = XMLWriter.typedDocument(of: value, root: root) + "\n"
            return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        }
    }
}
