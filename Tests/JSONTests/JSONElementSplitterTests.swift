import JSON
import Testing

@Suite struct JSONElementSplitterTests {
    private func split(_ text: String, pieces: Int) throws -> (elements: [String], rest: String) {
        var splitter = JSONElementSplitter()
        var elements: [String] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            let piece = bytes[start..<min(start + pieces, bytes.count)]
            elements += try splitter.append(piece).map { String(decoding: $0, as: UTF8.self) }
        }
        return (elements, String(decoding: splitter.rest, as: UTF8.self))
    }

    @Test(arguments: [1, 2, 3, 7, 1_000])
    func `elements come out whole however the text comes in`(pieces: Int) throws {
        let text = #"{"total":2,"results":[ {"a":"],}\"[","b":[1,[2]]} ,"x,y", 7 ,[],{}],"last":"[1,2]","more":[3]}"#
        let (elements, rest) = try split(text, pieces: pieces)
        #expect(
            elements.map { $0.filter { $0 != " " } } == [#"{"a":"],}\"[","b":[1,[2]]}"#, #""x,y""#, "7", "[]", "{}"]
        )
        #expect(rest == #"{"total":2,"results":[],"last":"[1,2]","more":[3]}"#)
    }

    @Test func `an empty array has no elements`() throws {
        let (elements, rest) = try split(#"{"results":[ ],"last_seq":0}"#, pieces: 4)
        #expect(elements.isEmpty)
        #expect(rest == #"{"results":[],"last_seq":0}"#)
    }

    @Test func `a text that breaks off leaves a rest that is no JSON`() throws {
        let (elements, rest) = try split(#"{"results":[{"a":1},{"b""#, pieces: 5)
        #expect(elements == [#"{"a":1}"#])
        #expect(throws: JSONError.self) { try JSONScan(Array(rest.utf8)) }
    }

    @Test func `an element has a limit`() throws {
        var splitter = JSONElementSplitter(elementLimit: 20)
        #expect(throws: JSONError.self) {
            _ = try splitter.append(Array(#"{"results":[{"a":"012345678901234567890"}]}"#.utf8))
        }
    }

    @Test(arguments: 0..<100)
    func `random elements come out as they are`(seed: UInt64) throws {
        var random = RandomJSON(seed: seed)
        let values = (0..<5).map { _ in random.value() }
        let text = #"{"rows":["# + values.map { random.spelling(of: $0) }.joined(separator: ",") + "]}"
        let (elements, rest) = try split(text, pieces: 1 + Int(seed % 13))
        #expect(try elements.map { try JSONValue(parsing: $0) } == values, "seed \(seed)")
        #expect(rest == #"{"rows":[]}"#)
    }
}
