import Foundation
import TestSupport
import Testing

@testable import CouchProtocol

@Suite struct TextPatternTests {
    @Test(
        arguments: [
            ("", ["", "x"], []),
            ("abc", ["abc", "xabcx"], ["ab", "ABC", ""]),
            ("^abc$", ["abc", "abc\n"], ["xabc", "abcx"]),
            ("a.c", ["abc", "a.c"], ["ac", "a\nc"]), ("(?s)a.c", ["a\nc"], []), ("(?i)new.*", ["New York"], ["old"]),
            ("(?i:N)ew", ["new", "New"], ["nEw"]), ("a(?i)b|c", ["aB", "C"], ["AB"]), ("a|b|", ["", "c"], []),
            ("^(a|bc)+$", ["a", "bca"], ["b", ""]),
            ("^a{2,3}$", ["aa", "aaa"], ["a", "aaaa"]),
            ("^a{2}$", ["aa"], ["a"]),
            ("^a{2,}$", ["aa", "aaaaa"], ["a"]), ("^a{0}b$", ["b"], ["ab"]), ("a{,2}", ["a{,2}"], ["aa"]),
            ("^x*?y+?$", ["y", "xxyy"], ["x"]), ("[a-c]", ["b"], ["d"]), ("[^a-c]", ["d"], ["abc"]),
            ("[]x]", ["]", "x"], ["y"]), ("[a-]", ["-", "a"], ["b"]), ("[\\d-x]", ["5", "-", "x"], ["y"]),
            ("^[[:alpha:]_]+$", ["abc_"], ["a1"]),
            ("[[:^digit:]]", ["a"], ["1"]),
            ("\\d\\D\\w\\W\\s\\S", ["1ab- x"], ["111111"]),
            ("\\bcat\\b", ["a cat."], ["cats"]),
            ("\\Bat", ["cat"], ["at"]),
            ("\\Aa\\z", ["a"], ["a\n"]),
            ("a\\Z", ["a\n"], ["ab"]),
            ("(?m)^b$", ["a\nb\nc"], ["abc"]),
            ("\\x41\\x{42}\\t", ["AB\t"], ["ab"]),
            ("\\Qa.b\\E.", ["a.bc"], ["axbc"]),
            ("\\.\\*\\/", [".*/"], ["a*/"]),
            ("(?x) a b # c\n d", ["abd"], ["a b d"]),
            ("(?<n>a)(?P<m>b)(?'o'c)(?#x)", ["abc"], ["ab"]),
            ("é+", ["éé", "é"], ["e"]),
            ("^.{2}$", ["é", "ab"], ["éa"]),
            ("[é]", ["é"], ["e"]),
            ("((((a))))", ["a"], ["b"]),
            ("(a*)*b", ["b", "aab"], ["aaa"]), ("(|a)+c", ["c", "aac"], ["a"]),
        ] as [(String, [String], [String])]
    )
    func `a pattern is found in these texts and not in those`(pattern: String, found: [String], not: [String]) throws {
        let pattern = try TextPattern(pattern)
        for text in found { #expect(pattern.matches(text), "\(text)") }
        for text in not { #expect(!pattern.matches(text), "\(text)") }
    }

    @Test(arguments: [
        "(", ")", "a)", "[", "[a", "*", "+a", "a**+", "a++", "(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?>a)", "(a)\\1",
        "\\p{L}",
        "\\", "[z-a]", "[[:none:]]", "a{3,2}", "a{2000}", "(?z)", "\\x{100}", "(a{100}){100}",
    ])
    func `what is no pattern, or cannot be bounded, is refused`(pattern: String) {
        #expect(throws: TextPattern.Invalid.self) { try TextPattern(pattern) }
    }

    @Test func `what makes others go back for ever does not`() throws {
        let text = String(repeating: "a", count: 50_000) + "!"
        for pattern in ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(a*)*b", "^(.*a){20}$"] {
            #expect(try !TextPattern(pattern).matches(text), "\(pattern)")
        }
        // More work than is allowed is no match, as in CouchDB.
        let much = try TextPattern("(a?){500}b")
        #expect(!much.matches(text + "b"))
        #expect(much.matches("aaab"))
    }

    @Test(arguments: [
        "(){1000}{1000}{1000}{1000}{1000}", "(|){1000}{1000}{1000}{1000}", "(?:(){1000}()){1000}{1000}{1000}",
        "a{0}{1000}{1000}{1000}{1000}", "(()|a{0}|){1000}{1000}{1000}{1000}", "((){9}){9}*?{9}*",
    ])
    func `what repeats nothing is found everywhere, and costs nothing`(pattern: String) throws {
        let pattern = try TextPattern(pattern)
        #expect(pattern.matches("") && pattern.matches("b"))
        #expect(pattern.stepCount < 10)
    }

    @Test func `parts without steps count, too`() {
        let many = String(repeating: "()", count: 900)
        #expect(throws: TextPattern.Invalid.self) { try TextPattern("(\(many)a?){1000}") }
    }

    @Test func `random patterns find what another engine finds`() throws {
        var random = SeededGenerator(seed: 20_261_126)
        for _ in 0..<3_000 {
            let text = Self.pattern(3, &random)
            let other = try NSRegularExpression(pattern: text)
            let pattern = try TextPattern(text)
            for _ in 0..<5 {
                let subject = String(
                    (0..<Int.random(in: 0...6, using: &random)).map { _ in
                        "ab1 ".randomElement(using: &random) ?? "a"
                    }
                )
                let range = NSRange(subject.startIndex..., in: subject)
                let expected = other.firstMatch(in: subject, range: range) != nil
                #expect(pattern.matches(subject) == expected, "\(text) in \"\(subject)\"")
            }
        }
    }

    private static func pattern(_ depth: Int, _ random: inout SeededGenerator) -> String {
        // Nothing that repeats nothing: the other engine does not find what is behind that.
        switch Int.random(in: 0..<(depth > 0 ? 9 : 4), using: &random) {
        case 0, 1: return ["a", "b", "1"].randomElement(using: &random) ?? ""
        case 2: return [".", "\\d", "\\w", "\\s", "[ab]", "[^a]"].randomElement(using: &random) ?? ""
        case 3: return ["^", "$", "\\b"].randomElement(using: &random) ?? ""
        case 4, 5: return pattern(depth - 1, &random) + pattern(depth - 1, &random)
        case 6: return "(\(pattern(depth - 1, &random))|\(pattern(depth - 1, &random)))"
        default:
            let times = ["*", "+", "?", "{2}", "{1,2}", "*?", "+?"].randomElement(using: &random) ?? ""
            return "(?:\(pattern(depth - 1, &random)))\(times)"
        }
    }
}
