/// The headers of one part of a multipart body.
package struct MultipartHeaders: Hashable, Sendable {
    /// By name in small letters; of one that stands twice, the first.
    private let fields: [String: String]

    /// Headers by their names in small letters.
    package init(_ fields: [String: String] = [:]) {
        self.fields = fields
    }

    /// Reads the lines between a delimiter and the empty line that ends the headers.
    init(parsing bytes: ArraySlice<UInt8>) throws(CouchError) {
        var fields: [String: String] = [:]
        var lines: [String] = []
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\r\n") {
            // A line that begins with white space goes on with the one before.
            if let first = line.utf8.first, first == 0x20 || first == 0x09, !lines.isEmpty {
                lines[lines.count - 1] += line
            } else {
                lines.append(String(line))
            }
        }
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { throw .badRequest("bad part header") }
            let name = line[..<colon].trimmed.lowercased()
            if fields[name] == nil { fields[name] = line[line.index(after: colon)...].trimmed }
        }
        self.fields = fields
    }

    /// The value of the header of that name (in small letters); nil when there is none.
    package subscript(name: String) -> String? { fields[name] }

    /// The part's media type, when it says one.
    package var contentType: MediaType? { fields["content-type"].map { MediaType($0) } }

    /// The name of the field of a form that the part's `Content-Disposition` says.
    package var fieldName: String? {
        fields["content-disposition"].flatMap { MediaType($0).parameters["name"] }
    }

    /// The file name of the part's `Content-Disposition`, when it says one.
    package var fileName: String? {
        fields["content-disposition"].flatMap { MediaType($0).parameters["filename"] }
    }
}

extension Substring {
    /// The text without white space around it.
    fileprivate var trimmed: String {
        var text = self
        while let first = text.utf8.first, first == 0x20 || first == 0x09 { text.removeFirst() }
        while let last = text.utf8.last, last == 0x20 || last == 0x09 { text.removeLast() }
        return String(text)
    }
}
