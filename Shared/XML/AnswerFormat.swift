import Foundation

/// What a call of a sequence is answered in.
package enum AnswerFormat: Hashable, Sendable {
    case json
    case xml

    /// What the caller wants, as the header `Accept` of HTTP says it (RFC 9110, section 12.5.1): JSON, unless it names
    /// XML and likes it more than what it says of JSON.
    package init(accept: String?) {
        var (xml, json) = (0.0, 0.0)
        for range in (accept ?? "").lowercased().split(separator: ",") {
            let parts = range.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            switch parts.first {
            case "application/xml", "text/xml": xml = max(xml, weight)
            case "application/json": json = max(json, weight)
            default: break
            }
        }
        self = xml > json ? .xml : .json
    }

    /// The media type.
    package var contentType: String {
        switch self {
        case .json: "application/json"
        case .xml: "application/xml; charset=utf-8"
        }
    }
}
