/// The `Accept` header of a request, as CouchDB's HTTP server (mochiweb, `accepts_content_type`) understands it.
///
/// A client that sends none accepts everything, and so does one that sends `*/*`: by that rule CouchDB decides whether
/// attachments come as parts of their own or within the JSON.
package struct AcceptHeader: Sendable {
    private let weights: [String: Double]

    /// - Parameter text: The header's value; nil when there is none. One that makes no sense accepts nothing.
    package init(_ text: String?) {
        var weights: [String: Double] = [:]
        for entry in (text ?? "*/*").split(separator: ",") {
            let type = MediaType(String(entry))
            guard let weight = Double(type.parameters["q"] ?? "1"), 0...1 ~= weight else {
                weights = [:]
                break
            }
            weights[type.name] = weight
        }
        self.weights = weights
    }

    /// Whether the client takes that type (in small letters).
    package func accepts(_ type: String) -> Bool {
        let family = (type.split(separator: "/").first.map(String.init) ?? "") + "/*"
        guard weights[type] != 0, weights[family] != 0 else { return false }
        return [type, family, "*/*"].contains { (weights[$0] ?? 0) > 0 }
    }
}

/// Whether the encoding of a content is one that the client takes, by its `Accept-Encoding`.
package enum AcceptEncoding {
    /// - Parameter header: The header's value; nil when there is none, which means that the client takes none.
    package static func accepts(_ encoding: String, _ header: String?) -> Bool {
        guard let header else { return false }
        let weights = header.split(separator: ",").map { MediaType(String($0)) }
        let named = weights.first { $0.name == encoding } ?? weights.first { $0.name == "*" }
        return named.map { (Double($0.parameters["q"] ?? "1") ?? 0) > 0 } ?? false
    }
}
