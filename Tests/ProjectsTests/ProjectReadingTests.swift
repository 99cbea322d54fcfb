import Foundation
import JSON
import Projects
import Schedules
import Sequences
import TestSupport
import Testing

@Suite struct ProjectReadingTests {
    @Test func `everything that is declared is there, with its defaults`() throws {
        let project = try ShopProject.read()
        #expect(project.name == "shop")
        #expect(project.login == "login")
        #expect(project.publicSequences.map(\.name) == ["pull"])
        #expect(project.sequences["pull"]?.timeout == .seconds(300))
        #expect(project.sequences["push"]?.requiresAuthenticatedUser == true)
        #expect(project.notifications["stock"]?.runAs == "clerk")
        let listener = try #require(project.listeners["push"])
        #expect(listener.selection == .view(design: "listeners", view: "orders"))
        #expect(listener.events == [.update])
        #expect(listener.origin == .devices)
        #expect(listener.chunk == 10)
        #expect(listener.start == .now)
        #expect(listener.ordering == .hold)
        let job = try #require(project.jobs["nightly"])
        #expect(
            job.timetable.schedules == [
                .cron(try CronExpression("0 30 6 * * MON-FRI"), in: try #require(Zone("Europe/Paris")))
            ]
        )
        #expect(job.missed == .once)
        #expect(job.overlap == .skip)
        #expect(job.variables == ["pages": 3])
        let database = try #require(project.databases["docs"])
        #expect(database.anonymous == .read)
        #expect(database.publicWrites == .deny)
        #expect(database.ownerMember == "~owner")
        #expect(database.revisionLimit == 20)
    }

    @Test func `an HTTP transaction's variables are declared, or those of its placeholders`() throws {
        let project = try ShopProject.read()
        let erp = try #require(project.connectors["erp"])
        #expect(erp.transactionNames == ["authenticate", "orders", "update"])
        #expect(erp.variables(ofTransaction: "authenticate")?.first { $0.name == "password" }?.isSecret == true)
        let update = try #require(erp.variables(ofTransaction: "update"))
        #expect(update.map(\.name) == ["number", "changes"])
        #expect(update.map(\.isRequired) == [true, false])
        guard case .http(let http) = erp.kind else { throw CancellationError() }
        #expect(http.transactions["orders"]?.isIdempotent == true)
        #expect(http.transactions["authenticate"]?.isIdempotent == false)
        #expect(http.transactions["authenticate"]?.accepted.contains(401) == true)
        #expect(http.transactions["orders"]?.accepted.contains(204) == true)
    }

    @Test func `a design document is made of its files`() throws {
        let folder = "databases/docs/design/app"
        let project = try ShopProject.read([
            "\(folder)/views/byDay/map.js": "map1", "\(folder)/views/byDay/view.yaml": "reduce: _count",
            "\(folder)/views/byName/map.js": "map2", "\(folder)/views/byName/reduce.js": "reduce2",
            "\(folder)/filters/mine.js": "filter", "\(folder)/lib/dates.js": "exports.x = 1",
            "\(folder)/views/best/map.js": "map3", "\(folder)/views/best/reduce.js": "_top_5\n",
            "\(folder)/views/newest/map.js": "map4", "\(folder)/views/newest/view.yaml": "reduce: _last",
            "\(folder)/validate_doc_update.js": "validate", "\(folder)/updates/close.js": "update",
        ])
        #expect(
            project.databases["docs"]?.designDocuments["app"] == [
                "_id": "_design/app", "language": "javascript", "validate_doc_update": "validate",
                "views": [
                    "byDay": ["map": "map1", "reduce": "_count"], "byName": ["map": "map2", "reduce": "reduce2"],
                    "best": ["map": "map3", "reduce": "_top_5"], "newest": ["map": "map4", "reduce": "_last"],
                    "lib": ["dates": "exports.x = 1"],
                ],
                "filters": ["mine": "filter"], "updates": ["close": "update"], "lib": ["dates": "exports.x = 1"],
            ]
        )
    }

    @Test func `design documents are read with the symbols of the place, whatever else is wrong`() throws {
        let files = [
            "project.yaml": "project: p\nsymbols: {SITE: {}, X: {default: other}, UNSET: {}}\n",
            "databases/a/database.yaml": """
            indexes:
              here: {fields: [n], partial_filter_selector: {site: "${SITE}"}, ddoc: "${X}"}
              there: {fields: [n], ddoc: "none${UNSET}"}
            """,
            "sequences/wrong.yaml": "no: steps",
        ]
        let designs = Project.designDocuments(in: files) { ["SITE": "north", "X": "mine"][$0] }
        #expect(designs.keys.sorted() == ["a"])
        #expect(designs["a"]?.keys.sorted() == ["mine", "none"])
        let filter = designs["a"]?["mine"]?["views"]?["here"]?["map"]?["partial_filter_selector"]
        #expect(filter == ["site": ["$eq": "north"]])
    }

    @Test func `symbols come from the lookup or the default, with the type that is written`() throws {
        let project = try ShopProject.read(symbols: ["TOKEN": "t", "URL": "https://other", "PAGE": "50"])
        #expect(project.symbols == ["URL": "https://other", "PAGE": 50])
        guard case .http(let http) = project.connectors["erp"]?.kind else { throw CancellationError() }
        #expect(http.baseURL.origin == "https://other")
        #expect(http.authentication == .bearer("t"))
        let escaped = try ShopProject.read(["databases/docs/database.yaml": "description: a $${PAGE} ${PAGE}"])
        #expect(escaped.databases["docs"]?.description == "a ${PAGE} 100")
    }

    @Test func `the key of a loop is JavaScript, in which a template is no symbol`() throws {
        let steps = """
            steps:
              - forEach: "[100]"
                item: PAGE
                key: "`page ${PAGE}`"
                do:
                  - while: "false"
                    key: "`page ${PAGE}`"
                    do: [{log: x}]
            """
        #expect(try ShopProject.read(["sequences/any.yaml": steps]).sequences["any"] != nil)
        let given = "steps:\n  - callSequence: other\n    with: {key: \"${PAGE}\"}\n"
        let other = "variables: {key: {}}\nsteps: []\n"
        #expect(throws: (any Error).self) {
            try ShopProject.read(["sequences/any.yaml": given, "sequences/other.yaml": other])
        }
    }

    @Test func `scalars are JSON's, and what looks like another language's number or boolean is a text`() throws {
        let project = try ShopProject.read([
            "jobs/nightly.yaml": """
            sequence: any
            schedule: {every: 1h}
            with: {v: [1, -2.5e3, 01, 0x1F, yes, on, true, ~, "5", 'x', 2026-12-01, 1_000, .5, +1]}
            """,
            "sequences/any.yaml": "variables: {v: {}}\nsteps: []",
        ])
        #expect(
            project.jobs["nightly"]?.variables["v"]
                == [1, -2.5e3, "01", "0x1F", "yes", "on", true, nil, "5", "x", "2026-12-01", "1_000", ".5", "+1"]
        )
    }

    @Test func `the digest follows the files and nothing else`() throws {
        let digest = try ShopProject.read().digest
        #expect(digest.count == 64)
        #expect(try ShopProject.read(symbols: ["TOKEN": "other"]).digest == digest)
        #expect(try ShopProject.read(["README.md": "x"]).digest != digest)
    }

    @Test func `a cycle of calls that a condition can end is none`() throws {
        let ending = ["return:", "fail: no", "if: n == 0\n    then: [{return: }]"]
        for step in ending {
            _ = try ShopProject.read([
                "sequences/a.yaml": "variables: {n: {}}\nsteps:\n  - \(step)\n  - callSequence: a"
            ])
        }
        _ = try ShopProject.read([
            "sequences/a.yaml": "variables: {n: {}}\nsteps:\n  - callSequence: a\n    when: n > 0"
        ])
        let problems = #expect(throws: ProjectProblems.self) {
            try ShopProject.read([
                "sequences/a.yaml": "steps:\n  - callSequence: b",
                "sequences/b.yaml": "steps:\n  - log: x\n  - parallel: {branches: [[{callSequence: c}]]}",
                "sequences/c.yaml": "steps:\n  - callSequence: a",
            ])
        }
        #expect(problems?.description == "sequences/a.yaml:2:19: sequences call each other without end: a → b → c → a")
    }

    @Test func `spoilt files are refused or wholly read, and never a crash`() throws {
        var random = SeededGenerator(seed: 5)
        let bytes = Array("{}[]:-#&*!|>'\"%@`, \n\t\\$=ä0".unicodeScalars)
        let names = ShopProject.files.keys.sorted()
        for number in 0..<1_500 {
            let name = names[Int.random(in: 0..<names.count, using: &random)]
            var text = Array((ShopProject.files[name] ?? "").unicodeScalars)
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                let place = Int.random(in: 0...text.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: text.insert(bytes[Int.random(in: 0..<bytes.count, using: &random)], at: place)
                case 1: text.removeSubrange(place..<min(text.count, place + Int.random(in: 1...8, using: &random)))
                default: text.insert(contentsOf: text[min(place, text.count / 2)..<place], at: place)
                }
            }
            var spoilt = String.UnicodeScalarView()
            spoilt.append(contentsOf: text)
            do {
                let project = try ShopProject.read([name: String(spoilt)])
                let things = project.connectors.count + project.sequences.count + project.listeners.count
                #expect(things + project.jobs.count + project.databases.count == 8, "case \(number): \(String(spoilt))")
            } catch {
                #expect(!error.problems.isEmpty, "case \(number): \(String(spoilt))")
            }
        }
    }

    @Test func `the example project is right`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folder = root.appending(path: "compose/demo/field-service").resolvingSymlinksInPath()
        let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        var files: [String: String] = [:]
        for path in paths where path.contains(".") {
            files[path] = try String(contentsOf: folder.appending(path: path), encoding: .utf8)
        }
        let symbols = ["ERP_URL": "http://127.0.0.1:8080", "ERP_TOKEN": "token"]
        let project = try Project.read(files) { symbols[$0] }
        #expect(project.name == "field-service")
        #expect(project.publicSequences.map(\.name) == ["pull-mine"])
        #expect(project.listeners["push-work-orders"] != nil)
        #expect(project.jobs.count == 3)
        #expect(project.databases["fieldservice"]?.hasView("workOrders", inDesign: "listeners") == true)
    }
}
