import Projects
import Sequences
import Testing

@Suite struct WrongProjectTests {
    @Test(arguments: WrongProjects.all)
    func `a wrong project has its one right message`(wrong: WrongProject) async throws {
        let problems = await #expect(throws: ProjectProblems.self) { try await ShopProject.check(wrong.changes) }
        #expect(problems?.description == wrong.problem)
    }

    @Test func `the right project has none`() async throws {
        await #expect(throws: Never.self) { try await ShopProject.check() }
    }

    @Test func `what is no JavaScript is said with all else`() async throws {
        let problems = await #expect(throws: ProjectProblems.self) {
            try await ShopProject.check([
                "listeners/push.yaml": "database: docs\nview: listeners/order\nsequence: push",
                "sequences/pull.yaml": "steps:\n  - output: {a: =1 +}\n  - js: return (",
                "databases/docs/design/listeners/views/orders/map.js": "doc => {\n  emit(doc._id\n}",
            ])
        }
        #expect(
            problems?.problems.map { "\($0.file):\($0.line)" } == [
                "databases/docs/design/listeners/views/orders/map.js:3", "jobs/nightly.yaml:2", "listeners/push.yaml:2",
                "sequences/pull.yaml:2", "sequences/pull.yaml:3", "tests/pulls.yaml:3",
            ]
        )
    }

    @Test(arguments: [
        "(function (require) { return require('x'); })(name => name);",
        "var require = name => name;\nrequire('x');", "function require(name) { return name; }\nrequire('x');",
        "try { exports.crypto = require('crypto'); } catch { exports.crypto = null; }",
        "if (typeof require === 'function' && exports.a) require('x');", "exports.a = o => o.require('x');",
    ])
    func `a script may have a require of its own, and do without what it tries`(_ text: String) async throws {
        await #expect(throws: Never.self) { try await ShopProject.check(["scripts/vendored.js": text]) }
    }

    @Test func `what was deployed is read though a script asks for one that there is not`() throws {
        #expect(throws: Never.self) { try ShopProject.read(["scripts/money.js": "require('mony');"]) }
    }

    @Test func `what was deployed is read though check has learned to see more`() async throws {
        let steps = "  - date:\n    format: =1\n    as: day\n    name: =day\n"
        let call = "  - callTransaction: docs.postDocument\n    with: {document: {}, policy: mrge}\n"
        let changes = ["sequences/old.yaml": "steps:\n\(steps)\(call)"]
        #expect(throws: Never.self) { try ShopProject.read(changes) }
        let problems = await #expect(throws: ProjectProblems.self) { try await ShopProject.check(changes) }
        #expect(problems?.problems.map(\.line) == [3, 5, 7])
    }

    @Test func `there are at least 60 wrong projects, each wrong in its own way`() {
        #expect(Set(WrongProjects.all.map(\.problem)).count == WrongProjects.all.count)
        #expect(WrongProjects.all.count >= 60)
    }

    @Test func `all problems are said at once, in the order of files and lines`() throws {
        let problems = #expect(throws: ProjectProblems.self) {
            try ShopProject.read([
                "listeners/push.yaml": "database: docs\nview: listeners/order\nsequence: psuh",
                "jobs/nightly.yaml": "sequence: pull\nmised: once\nschedule: {every: 0s}",
            ])
        }
        #expect(
            problems?.problems.map { "\($0.file):\($0.line)" } == [
                "jobs/nightly.yaml:2", "jobs/nightly.yaml:3", "listeners/push.yaml:2", "listeners/push.yaml:3",
            ]
        )
    }

    @Test func `sizes are limited`() throws {
        func said(_ change: (inout ProjectLimits) -> Void) -> [String] {
            var limits = ProjectLimits()
            change(&limits)
            do {
                _ = try ShopProject.read(limits: limits)
                return []
            } catch {
                return error.problems.map(\.description)
            }
        }
        #expect(said { $0.files = 5 } == ["project.yaml:1:1: the project has more than 5 files"])
        #expect(said { $0.totalSize = 500 } == ["project.yaml:1:1: the project has more than 500 bytes"])
        #expect(said { $0.fileSize = 500 } == ["connectors/erp.yaml:1:1: the file has more than 500 bytes"])
    }

    @Test func `no message shows a symbol's value`() throws {
        let secret = "http://user:hunter2@erp"
        let problems = #expect(throws: ProjectProblems.self) {
            try ShopProject.read(symbols: ["TOKEN": "hünter2\n", "URL": secret, "PAGE": "hunter2"])
        }
        #expect(problems?.problems.count == 2)
        #expect(problems.map { String(describing: $0).contains("nter2") } == false)
    }
}
