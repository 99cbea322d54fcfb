import Foundation
import JSON
import Projects
import XML

/// What a back end answered, as the sequence sees it.
enum HTTPAnswer {
    /// How much of the body of a refused answer is told, in characters.
    static let excerptLength = 1_000

    /// `{"status": 200, "headers": {…}, "body": …}`; a body of no bytes is null, but as Base64 a file of none.
    ///
    /// - Throws: `http_status` for a status that the transaction does not accept, `not_json` for a body that should be.
    static func value(of answer: RawAnswer, for transaction: HTTPTransaction) throws(ExchangeFailure) -> JSONValue {
        guard transaction.accepted.contains(answer.status) else {
            let excerpt = String(decoding: answer.body, as: UTF8.self)
            throw .httpStatus(answer.status, excerpt: String(excerpt.prefix(excerptLength)))
        }
        let headers = answer.headers.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }
        return [
            "status": .number(JSONNumber(answer.status)),
            "headers": .object(JSONObject(headers)),
            "body": try body(answer, as: transaction.answer),
        ]
    }

    private static func body(
        _ answer: RawAnswer,
        as form: HTTPTransaction.AnswerForm
    ) throws(ExchangeFailure) -> JSONValue {
        guard !answer.body.isEmpty || form == .base64 else { return .null }
        switch form {
        case .none: return .null
        case .base64: return .string(Data(answer.body).base64EncodedString())
        case .text: return .string(try text(answer))
        case .json:
            do {
                return try JSONValue(parsing: answer.body)
            } catch {
                throw .notJSON("\(error)")
            }
        case .xml:
            do throws(XMLError) {
                return try XMLReader(namespaces: .keep).value(of: answer.body)
            } catch {
                throw .notXML("\(error)")
            }
        }
    }

    /// The text in the character set that the answer names: UTF-8, or ISO-8859-1.
    private static func text(_ answer: RawAnswer) throws(ExchangeFailure) -> String {
        let type = answer.headers["content-type"]?.lowercased() ?? ""
        if type.contains("charset=iso-8859-1") || type.contains("charset=\"iso-8859-1\"") {
            return String(String.UnicodeScalarView(answer.body.map { Unicode.Scalar($0) }))
        }
        guard let text = String(validating: answer.body, as: UTF8.self) else { throw .notText }
        return text
    }
}
