import Testing

@testable import JSON

/// Names that are the same to Unicode, and are others to everybody who compares bytes.
@Suite struct ExactTextTests {
    @Test(arguments: ["\u{301}x", "\u{200D}x", "\u{FE0F}", "\u{338}", "x"])
    func `a prefix is one whatever follows`(rest: String) {
        let text = "_design/" + rest
        #expect(text.beginsExactly(with: "_design/"))
        #expect(text.rest(behind: "_design/")?.unicodeScalars.elementsEqual(rest.unicodeScalars) == true)
        #expect(text.dropFirst().rest(behind: "_design/") == nil)
        #expect(!"_design".beginsExactly(with: "_design/"))
    }

    @Test func `equivalent names are two, in the order of their bytes`() {
        let names: Set<ExactText> = ["\u{E9}", "e\u{301}", "z"]
        #expect(names.count == 3)
        #expect(names.contains("\u{E9}") && !names.contains("E\u{301}"))
        #expect(names.sortedTexts.map { Array($0.utf8) } == [[0x65, 0xCC, 0x81], [0x7A], [0xC3, 0xA9]])
        #expect(ExactText("\u{212A}") != "K")
    }
}
