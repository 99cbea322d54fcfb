import JSON
import Projects

/// What a back end answered, as the sequence sees it.
enum HTTPAnswer {
    /// How much of the body of a refused answer is told, in characters.
    static let excerptLength = 1_000

    /// `{"status": 200, "headers": {…}, "body": …}`; a body of no bytes is null.
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
            "body": try body(answer.body, as: transaction.answer),
        ]
    }

    private static func body(
        _ bytes: [UInt8],
        as form: HTTPTransaction.AnswerForm
    ) throws(ExchangeFailure) -> JSONValue {
        guard !bytes.isEmpty else { return .null }
        switch form {
        case .none: return .null
        case .text: return .string(String(decoding: bytes, as: UTF8.self))
        case .json:
            do {
                return try JSONValue(parsing: bytes)
            } catch {
                throw .notJSON("\(error)")
            }
        }
    }
}
