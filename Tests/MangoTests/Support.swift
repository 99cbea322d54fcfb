import CouchProtocol
import JSON
import Testing

@testable import Mango

/// Makes requests and indexes of the little that a test wants to say.
enum Sample {
    /// A JSON object of its text.
    static func object(_ text: String, _ location: SourceLocation = #_sourceLocation) throws -> JSONObject {
        try #require(try JSONValue(parsing: text).objectValue, sourceLocation: location)
    }

    /// An index of that design document, in CouchDB's way: made by a request and read from its design document.
    static func index(_ design: String, _ fields: String, filter: String? = nil) throws -> QueryIndex {
        let partial = filter.map { #","partial_filter_selector":\#($0)"# } ?? ""
        let request = try IndexRequest(
            parsing: try object(
                #"{"index":{"fields":\#(fields)\#(partial)},"ddoc":"\#(design)","name":"\#(design)"}"#
            )
        )
        return try #require(QueryIndex.all(in: request.design, try request.added(to: nil)).first)
    }

    static func plan(
        _ request: String,
        _ indexes: [QueryIndex],
        for purpose: FindPlanner.Purpose = .find
    ) throws -> FindPlan {
        let request = try FindRequest(parsing: try object(request))
        return try FindPlanner(request, indexes: indexes, collation: .codePoints).plan(for: purpose)
    }

    /// The error that the body throws, as `name: reason`.
    static func error(_ body: () throws -> Void) throws -> String {
        do {
            try body()
            return "none"
        } catch let error as CouchError {
            return "\(error.error): \(error.reason)"
        }
    }
}

extension FindPlan {
    /// The design document of the index, without `_design/`.
    var name: String {
        switch index {
        case nil: "none"
        case .allDocuments: "_all_docs"
        case .index(let index): String(index.design.text.dropFirst("_design/".count))
        }
    }
}
