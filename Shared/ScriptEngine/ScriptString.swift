import CJavaScriptCore

/// A string on the engine's side.
///
/// The corresponding C type is `JSStringRef`.
package final class ScriptString {
    let reference: JSStringRef?

    /// The text, `U+0000` included.
    package init(_ text: String) {
        let units = Array(text.utf16)
        reference = units.withUnsafeBufferPointer { JSStringCreateWithCharacters($0.baseAddress, $0.count) }
    }

    /// The text of UTF-8 bytes that hold no zero byte, as no JSON text does; what is not UTF-8 becomes an empty text.
    ///
    /// This is the fast way in: text that is ASCII stays one byte per character in the engine.
    package init(utf8: ArraySlice<UInt8>) {
        reference = utf8.withUnsafeBufferPointer { bytes in
            withUnsafeTemporaryAllocation(byteCount: bytes.count + 1, alignment: 1) { text in
                text.copyBytes(from: bytes)
                text[bytes.count] = 0
                return JSStringCreateWithUTF8CString(text.baseAddress?.assumingMemoryBound(to: CChar.self))
            }
        }
    }

    init(adopting reference: JSStringRef?) {
        self.reference = reference
    }

    deinit {
        if let reference { JSStringRelease(reference) }
    }

    /// How many UTF-16 code units the string has.
    package var count: Int {
        reference.map { JSStringGetLength($0) } ?? 0
    }

    /// The string as Swift text; half a surrogate pair becomes U+FFFD.
    package var text: String {
        guard let reference, let units = JSStringGetCharactersPtr(reference) else { return "" }
        return String(decoding: UnsafeBufferPointer(start: units, count: JSStringGetLength(reference)), as: UTF16.self)
    }

    /// Appends the string in UTF-8, and a half of a surrogate pair as U+FFFD.
    package func append(to bytes: inout [UInt8]) {
        guard let reference else { return }
        let capacity = JSStringGetMaximumUTF8CStringSize(reference)
        withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 1) { buffer in
            let start = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            let written = JSStringGetUTF8CString(reference, start, capacity)
            if written > 0 { bytes.append(contentsOf: buffer[..<(written - 1)]) }
        }
    }
}
