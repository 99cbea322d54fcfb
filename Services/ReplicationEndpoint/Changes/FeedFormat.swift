import CouchProtocol
import DocumentStore
import JSON

/// How a feed is written: a list, lines, or events; to the byte as CouchDB 3.5 does it.
struct FeedFormat: Sendable {
    private enum Shape: Sendable {
        /// `{"results":[…],"last_seq":…,"pending":…}`
        case list
        /// A row a line.
        case lines
        /// `text/event-stream`, as browsers read it.
        case events
    }

    private let shape: Shape
    private let interval: Int?
    private let places: PlaceFormat
    private let rules: DocumentRules

    init(_ request: FeedRequest, _ database: Database) {
        rules = database.documentRules
        shape =
            switch request.feed {
            case .normal, .longpoll: .list
            case .continuous: .lines
            case .eventsource: .events
            }
        interval = request.sequenceInterval
        places = PlaceFormat(database)
    }

    var contentType: String { shape == .events ? "text/event-stream" : "application/json" }

    var cacheControl: String { shape == .events ? "no-cache" : "must-revalidate" }

    /// What comes before all rows.
    var head: String { shape == .list ? "{\"results\":[\n" : "" }

    /// The sign of life between rows.
    var sign: String { shape == .events ? "event: heartbeat\ndata: \n\n" : "\n" }

    /// What is sent when the wait for a first row begins, so that the client sees that it is heard.
    var waiting: String { shape == .events ? "" : "\n" }

    /// Appends a row.
    ///
    /// - Parameter remaining: How many rows, with this one, the request still wants.
    /// - Returns: Where the contents of attachments must come that are not at hand, from the front on.
    func write(_ row: FeedRow, isFirst: Bool, remaining: Int, to output: inout [UInt8]) -> [ContentGap] {
        switch shape {
        case .list: if !isFirst { output.append(contentsOf: ",\r\n".utf8) }
        case .lines: break
        case .events: output.append(contentsOf: "data: ".utf8)
        }
        // CouchDB counts from the end of what was asked for, not from the first row.
        let saysPlace = interval.map { remaining % $0 == 0 } ?? true
        output.append(contentsOf: #"{"seq":"#.utf8)
        write(place: saysPlace ? row.place : nil, to: &output)
        let gaps = write(rest: row, to: &output)
        switch shape {
        case .list: break
        case .lines: output.append(UInt8(ascii: "\n"))
        case .events:
            output.append(contentsOf: "\nid: ".utf8)
            write(place: saysPlace ? row.place : nil, to: &output)
            output.append(contentsOf: "\n\n".utf8)
        }
        return gaps
    }

    /// What comes behind all rows.
    func end(at place: FeedPosition, pending: Int?) -> [UInt8] {
        var output: [UInt8] = []
        switch shape {
        case .events: return []
        case .list: output.append(contentsOf: "\n],\n\"last_seq\":".utf8)
        case .lines: output.append(contentsOf: "{\"last_seq\":".utf8)
        }
        write(place: place, to: &output)
        output.append(contentsOf: ",\"pending\":\(pending.map(String.init) ?? "null")}\n".utf8)
        return output
    }

    private func write(place: FeedPosition?, to output: inout [UInt8]) {
        if let place { places.write(place, to: &output) } else { output.append(contentsOf: "null".utf8) }
    }

    private func write(rest row: FeedRow, to output: inout [UInt8]) -> [ContentGap] {
        var gaps: [ContentGap] = []
        output.append(contentsOf: #","id":"#.utf8)
        JSONValue.write(string: row.id.text, to: &output)
        output.append(contentsOf: #","changes":["#.utf8)
        for (index, revision) in row.revisions.enumerated() {
            output.append(contentsOf: (index > 0 ? #",{"rev":""# : #"{"rev":""#).utf8)
            revision.write(to: &output)
            output.append(contentsOf: #""}"#.utf8)
        }
        output.append(UInt8(ascii: "]"))
        if row.isDeleted { output.append(contentsOf: #","deleted":true"#.utf8) }
        switch row.document {
        case .unasked: break
        case .missing: output.append(contentsOf: #","doc":null"#.utf8)
        case .json(let bytes):
            output.append(contentsOf: #","doc":"#.utf8)
            output.append(contentsOf: bytes)
        case .attached(let item):
            output.append(contentsOf: #","doc":"#.utf8)
            gaps = item.write(to: &output, rules: rules)
        }
        for (index, leaf) in row.leaves.enumerated() {
            output.append(contentsOf: (index > 0 ? "," : #","leaves":["#).utf8)
            leaf.write(to: &output, rules: rules)
        }
        if !row.leaves.isEmpty { output.append(UInt8(ascii: "]")) }
        output.append(UInt8(ascii: "}"))
        return gaps
    }
}

/// A row of a feed.
struct FeedRow: Sendable {
    /// The document that comes with a row.
    enum Document: Sendable {
        case unasked
        /// It changed again while it was being read, and has a row of its own further on.
        case missing
        case json([UInt8])
        /// The contents of its attachments are read while it is sent.
        case attached(AttachedDocument)
    }

    /// The place behind it.
    var place: FeedPosition
    let id: DocumentID
    var revisions: [RevisionID]
    let isDeleted: Bool
    var document = Document.unasked
    /// The documents of all revisions, where they come with the row; else none.
    var leaves: [OutgoingDocument] = []

    init(_ change: StoredChange) {
        place = change.position
        id = change.id
        revisions = change.revisions
        isDeleted = change.isDeleted
    }
}

/// Writes places as clients get them (``Database/token(_:)``).
///
/// A feed of a hundred thousand rows says as many: what is the same in all of them is made once.
struct PlaceFormat: Sendable {
    /// What stands behind the number of a place that is nothing but a number, up to the end of the string.
    private let suffix: [UInt8]

    init(_ database: Database) {
        suffix = Array(database.token(.beginning).sequence.json.text.utf8.dropFirst(2).dropLast())
    }

    func write(_ place: FeedPosition, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        output.append(contentsOf: String(place.number).utf8)
        output.append(contentsOf: suffix)
        if let walk = place.walk {
            Self.write(detail: walk.base, to: &output)
            Self.write(detail: walk.end, to: &output)
        }
        if let inner = place.inner { Self.write(detail: inner, to: &output) }
        output.append(UInt8(ascii: "\""))
    }

    private static func write(detail: Int, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "-"))
        output.append(contentsOf: String(detail).utf8)
    }
}
