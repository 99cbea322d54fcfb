import CouchProtocol
import Testing

@Suite struct RevisionIDTests {
    @Test(arguments: [
        "1-967a00dff5e02add41819138abb3284d", "12-00000000000000000000000000000000", "3-x", "9007199254740992-a-b",
    ])
    func `a revision is written as it was read`(text: String) throws {
        #expect(try RevisionID(parsing: text).description == text)
    }

    @Test func `hexadecimal digits are written small`() throws {
        let id = try RevisionID(parsing: "1-967A00DFF5E02ADD41819138ABB3284D")
        #expect(id.description == "1-967a00dff5e02add41819138abb3284d")
    }

    @Test(arguments: [
        "", "-", "1", "1-", "-a", "0-a", "x-a", "+1-a", "-1-a", "1.0-a", " 1-a", "9007199254740993-a",
        "1-967a00dff5e02add41819138abb3284x", "1-a b", "1-\"", "1-a,b", "1-é", "99999999999999999999-a",
    ])
    func `what is no revision is refused`(text: String) {
        #expect(throws: CouchError.invalidRevision) { try RevisionID(parsing: text) }
    }

    @Test func `a hash has a limit`() throws {
        let longest = String(repeating: "x", count: RevisionHash.lengthLimit)
        #expect(try RevisionID(parsing: "1-" + longest).description == "1-" + longest)
        #expect(throws: CouchError.invalidRevision) { try RevisionID(parsing: "1-x" + longest) }
    }

    @Test func `the generation counts before the hash`() throws {
        let sorted = [
            "1-ffffffffffffffffffffffffffffffff", "2-00000000000000000000000000000000", "2-7", "2-8", "2-a", "2-aa",
            "2-ffffffffffffffffffffffffffffffff", "10-0",
        ]
        let ids = try sorted.map { text in try RevisionID(parsing: text) }
        #expect(ids.shuffled().sorted().map(\.description) == sorted)
    }

    @Test func `a digest is equal to its text`() throws {
        let digest = RevisionHash(digest: (0..<16).map { UInt8($0 * 16 + $0) })
        #expect(digest.description == "00112233445566778899aabbccddeeff")
        #expect(try RevisionHash(parsing: digest.description.utf8) == digest)
    }
}
