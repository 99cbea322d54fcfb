import Testing
import XML

/// What a caller is answered in.
@Suite struct AnswerFormatTests {
    @Test(
        arguments: [
            (nil, .json), ("*/*", .json), ("application/json", .json), ("application/xml", .xml), ("text/xml", .xml),
            ("application/xml, */*;q=0.8", .xml), ("application/xml;q=0.5, application/json", .json),
            ("application/json;q=0.2, text/xml; charset=utf-8; q=0.3", .xml), ("application/xml;q=0", .json),
            ("application/json, application/xml", .json), ("APPLICATION/XML", .xml), (";q=,", .json),
        ] as [(String?, AnswerFormat)]
    )
    func `XML is for those who ask for it`(accept: String?, format: AnswerFormat) {
        #expect(AnswerFormat(accept: accept) == format)
    }
}
