package import JSON

/// A write about which a validation function is asked; JSON texts in UTF-8.
package struct ValidatedWrite: Sendable, Hashable {
    /// The document as it is to be.
    package let document: ArraySlice<UInt8>
    /// The document as it is; `null` when there is none.
    package let previous: ArraySlice<UInt8>

    /// - Parameter previous: Nil when there is none.
    package init(document: [UInt8], previous: [UInt8]?) {
        self.init(document: document[...], previous: (previous ?? Array("null".utf8))[...])
    }

    init(document: ArraySlice<UInt8>, previous: ArraySlice<UInt8>) {
        self.document = document
        self.previous = previous
    }

    /// How many bytes both have.
    package var size: Int { document.count + previous.count }
}

/// What a validation function said of one write.
package enum ValidationOutcome: Sendable, Hashable {
    case passes
    /// It threw this value, such as `{"forbidden": "…"}`.
    case refused(JSONValue)
    /// It failed, which is no answer.
    case failed(ScriptError)
}
