package import JSON

extension CouchError {
    /// The answer to a body that is no JSON, or more of it than is allowed.
    init(_ error: JSONError) {
        self = .badRequest("invalid UTF-8 JSON: \(error)")
    }
}

extension JSONScan {
    /// Scans JSON that a client sent.
    package init(received bytes: [UInt8], in range: Range<Int>, limits: JSONLimits) throws(CouchError) {
        do {
            try self.init(bytes, in: range, limits: limits)
        } catch {
            throw CouchError(error)
        }
    }
}

extension JSONValue {
    /// The value of JSON that a client sent.
    package init(received bytes: [UInt8], in range: Range<Int>, limits: JSONLimits) throws(CouchError) {
        do {
            try self.init(parsing: bytes, in: range, limits: limits)
        } catch {
            throw CouchError(error)
        }
    }
}
