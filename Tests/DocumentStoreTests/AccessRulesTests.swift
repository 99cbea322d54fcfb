import CouchProtocol
import JSON
import Testing

@testable import DocumentStore

/// Contract, section 2.3, row by row.
@Suite struct AccessRulesTests {
    /// A write and what becomes of it.
    struct Case: Sendable, CustomTestStringConvertible {
        let what: String
        let caller: Caller
        /// The tags of the document that is changed; nil when it is new.
        var before: Tags?
        var asked = AskedTags()
        var publicWrites = false
        /// The tags afterwards; nil when it is refused.
        let after: Tags?

        var testDescription: String { what }
    }

    private static let ann = Caller.user(name: "ann", groups: ["g", "h"])
    private static let eve = Caller.user(name: "eve", groups: ["x"])
    private static let administrator = Caller.administrator(name: "admin")
    private static let sequence = Caller.sequence(user: "ann")
    private static let mine = Tags(owner: "ann")
    private static let ours = Tags(owner: "bob", groups: ["g"])
    private static let team = Tags(groups: ["g"])

    static let cases: [Case] = [
        Case(what: "a user creates", caller: ann, after: mine),
        Case(what: "a user creates for another", caller: ann, asked: AskedTags(Tags(owner: "bob")), after: mine),
        Case(
            what: "a user creates for a group",
            caller: ann,
            asked: AskedTags(groups: ["g"]),
            after: Tags(owner: "ann", groups: ["g"])
        ),
        Case(
            what: "a user creates for a foreign group",
            caller: ann,
            asked: AskedTags(groups: ["g", "x"]),
            after: nil
        ),
        Case(what: "nobody creates", caller: .anonymous, publicWrites: true, after: nil),
        Case(what: "an administrator creates", caller: administrator, asked: AskedTags(ours), after: ours),
        Case(what: "a sequence creates for everybody", caller: sequence, asked: AskedTags(.none), after: Tags.none),

        Case(what: "the owner changes", caller: ann, before: mine, after: mine),
        Case(
            what: "the owner gives it away",
            caller: ann,
            before: mine,
            asked: AskedTags(Tags(owner: "bob")),
            after: mine
        ),
        Case(
            what: "the owner shares it",
            caller: ann,
            before: mine,
            asked: AskedTags(groups: ["h"]),
            after: Tags(owner: "ann", groups: ["h"])
        ),
        Case(
            what: "the owner shares it with a foreign group",
            caller: ann,
            before: mine,
            asked: AskedTags(groups: ["x"]),
            after: nil
        ),
        Case(
            what: "the owner takes away a foreign group",
            caller: ann,
            before: Tags(owner: "ann", groups: ["x"]),
            asked: AskedTags(groups: []),
            after: nil
        ),
        Case(
            what: "the owner keeps a foreign group",
            caller: ann,
            before: Tags(owner: "ann", groups: ["x"]),
            asked: AskedTags(groups: ["x", "g"]),
            after: Tags(owner: "ann", groups: ["x", "g"])
        ),
        Case(what: "a member changes", caller: ann, before: ours, after: ours),
        Case(
            what: "a member becomes the owner",
            caller: ann,
            before: ours,
            asked: AskedTags(Tags(owner: "ann", groups: ["g"])),
            after: ours
        ),
        Case(
            what: "a member takes the group away",
            caller: ann,
            before: ours,
            asked: AskedTags(groups: []),
            after: Tags(owner: "bob")
        ),
        Case(
            what: "a member takes the last tag away",
            caller: ann,
            before: team,
            asked: AskedTags(groups: []),
            after: nil
        ),
        Case(
            what: "a member moves it",
            caller: ann,
            before: team,
            asked: AskedTags(groups: ["h"]),
            after: Tags(groups: ["h"])
        ),
        Case(what: "a stranger changes", caller: eve, before: ours, after: nil),
        Case(what: "a stranger changes where all may write", caller: eve, before: mine, publicWrites: true, after: nil),
        Case(what: "nobody changes", caller: .anonymous, before: Tags.none, publicWrites: true, after: nil),
        Case(what: "a user changes what is everybody's", caller: ann, before: Tags.none, after: nil),
        Case(
            what: "a user changes what is everybody's and may",
            caller: ann,
            before: Tags.none,
            publicWrites: true,
            after: Tags.none
        ),
        Case(
            what: "a user takes a group's share of what is everybody's",
            caller: ann,
            before: Tags.none,
            asked: AskedTags(groups: ["g"]),
            publicWrites: true,
            after: Tags(groups: ["g"])
        ),
        Case(what: "an administrator retags", caller: administrator, before: mine, asked: AskedTags(team), after: team),
        Case(what: "an administrator says nothing of tags", caller: administrator, before: ours, after: ours),
        Case(
            what: "an administrator takes the owner away",
            caller: administrator,
            before: ours,
            asked: AskedTags(owner: .named(nil)),
            after: team
        ),
        Case(
            what: "a sequence retags to everybody",
            caller: sequence,
            before: ours,
            asked: AskedTags(.none),
            after: Tags.none
        ),
    ]

    @Test(arguments: cases) func `who may write what`(_ test: Case) {
        var settings = DatabaseSettings()
        settings.publicWrites = test.publicWrites
        let rules = AccessRules(settings)
        let result: Result<Tags, CouchError>
        do throws(CouchError) {
            if let before = test.before {
                result = .success(try rules.tagsOfNext(test.asked, after: before, test.caller))
            } else {
                result = .success(try rules.tagsOfNew(test.asked, test.caller))
            }
        } catch {
            result = .failure(error)
        }
        #expect(result == (test.after.map { .success($0) } ?? .failure(AccessRules.refused)))
    }

    @Test func `who may read what`() {
        let rules = AccessRules(DatabaseSettings())
        let composed = Caller.user(name: "jos\u{E9}", groups: [])
        let table: [(Caller, Tags, Bool)] = [
            (Self.ann, .none, true), (Self.ann, Self.mine, true), (Self.ann, Self.team, true),
            (Self.ann, Self.ours, true),
            (Self.eve, .none, true), (Self.eve, Self.mine, false), (Self.eve, Self.team, false),
            (Self.eve, Self.ours, false), (.anonymous, .none, true), (.anonymous, Self.mine, false),
            (Self.administrator, Self.ours, true), (Self.sequence, Tags(owner: "bob"), true),
            (.user(name: "g", groups: []), Self.team, false), (.user(name: "x", groups: ["ann"]), Self.mine, false),
            (composed, Tags(owner: "jose\u{301}"), false), (composed, Tags(owner: "jos\u{E9}"), true),
        ]
        for (caller, tags, may) in table { #expect(rules.mayRead(tags, caller) == may, "\(caller) \(tags)") }
    }

    @Test func `whom a security object lets in`() throws {
        var database = Database(
            id: 1,
            name: "db",
            incarnation: "a",
            originalIncarnation: "a",
            settings: DatabaseSettings()
        )
        func lets(_ object: JSONValue?, _ caller: Caller) throws -> Bool {
            if let object { database.security = try DatabaseSecurity(object) }
            return AccessRules.mayOpen(database, caller)
        }
        let composed = Caller.user(name: "jos\u{E9}", groups: [])
        let table: [(JSONValue, Caller, Bool)] = [
            ([:], Self.ann, true), (DatabaseSecurity.unset, Self.ann, true),
            (["members": ["names": ["ann"]]], Self.ann, true), (["members": ["names": ["ann"]]], Self.eve, false),
            (["members": ["names": ["ann"]]], Self.administrator, true),
            (["members": ["names": ["ann"]]], Self.sequence, true),
            (["readers": ["names": ["eve"]]], Self.ann, false),
            (["members": ["roles": ["g"]]], .user(name: "x", groups: ["f", "g"]), true),
            (["members": ["roles": ["g"]]], .user(name: "g", groups: []), false),
            (["members": ["roles": ["_admin"]]], .user(name: "x", groups: ["_admin"]), false),
            (["members": ["names": ["bob"]], "admins": ["roles": ["g"]]], .user(name: "x", groups: ["g"]), true),
            (["admins": ["names": ["bob"]]], Self.ann, true),
            (["members": ["names": ["jose\u{301}"]]], composed, false),
            (["members": ["names": ["jos\u{E9}"]]], composed, true),
        ]
        for (object, caller, may) in table { #expect(try lets(object, caller) == may, "\(object) \(caller)") }
        #expect(try lets([:], .anonymous) == false)
        var settings = DatabaseSettings()
        settings.anonymousRead = true
        database = Database(id: 1, name: "db", incarnation: "a", originalIncarnation: "a", settings: settings)
        #expect(try lets([:], .anonymous))
        #expect(try !lets(["members": ["roles": ["g"]]], .anonymous))
        database.security = DatabaseSecurity(stored: Array(#"{"readers":7}"#.utf8))
        #expect(try !lets(nil, Self.ann) && lets(nil, Self.administrator))
        for wrong: JSONValue in [[], ["members": []], ["admins": ["names": "ann"]], ["readers": ["roles": [1]]]] {
            #expect(throws: CouchError.self) { try DatabaseSecurity(wrong) }
        }
    }

    @Test func `a user writes no design document`() {
        var settings = DatabaseSettings()
        settings.publicWrites = true
        var plan = WritePlan(settings, over: [:])
        #expect(plan.add(.next("_design/d"), by: Self.ann, traceID: nil).error == "forbidden")
        #expect(plan.add(.made("_design/d", ["1-a"]), by: Self.ann, traceID: nil).error == "forbidden")
        #expect(plan.add(.next("_design/d"), by: Self.administrator, traceID: nil).error == nil)
    }

    @Test func `a refusal tells nothing of the document`() throws {
        var plan = WritePlan(DatabaseSettings(), over: [:])
        let first = try plan.add(.next("d", tags: AskedTags(Self.mine)), by: Self.administrator, traceID: nil).revision
        let attempts: [DocumentEdit] = [
            .next("d"), .next("d", after: first), .next("d", after: "1-ab"), .made("d", ["2-ab", "1-ab"]),
            .next("d", after: first, deleted: true),
        ]
        for edit in attempts {
            #expect(plan.add(edit, by: Self.eve, traceID: nil) == .refused(AccessRules.refused))
        }
    }
}
