import Projects
import Testing

@Suite struct LDAPEscapingTests {
    // The examples of RFC 4515, section 4, and RFC 4514, section 4.
    @Test(arguments: [
        ("Parens R Us (for all your parenthetical needs)", #"Parens R Us \28for all your parenthetical needs\29"#),
        ("*", #"\2a"#), (#"C:\MyFile"#, #"C:\5cMyFile"#), ("Lučić", "Lučić"), ("a\0b", #"a\00b"#),
        ("ada)(uid=*", #"ada\29\28uid=\2a"#),
    ])
    func `a value stays a value within a filter`(text: String, escaped: String) {
        #expect(LDAPEscaping.filterValue(text) == escaped)
    }

    @Test(arguments: [
        (#"James "Jim" Smith, III"#, #"James \22Jim\22 Smith\2c III"#), ("Before\rAfter", #"Before\0dAfter"#),
        ("#x", #"\23x"#), ("a#", "a#"), (" a b ", #"\20a b\20"#), ("a+b=c;<d>\\", #"a\2bb\3dc\3b\3cd\3e\5c"#),
        ("Lučić", "Lučić"), ("\0", #"\00"#),
    ])
    func `a value stays a value within a name`(text: String, escaped: String) throws {
        #expect(try LDAPEscaping.nameValue(text) == escaped)
    }
}
