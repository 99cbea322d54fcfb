import Foundation
import JSON
import PrivateServers
import TestSupport
import Testing

extension SystemTests {
    /// What the tool prints of a running system, for people and for programs, and how it ends.
    @Suite(.timeLimit(.minutes(30))) struct ToolTests {
        /// A list of the tool's: the command, the member of its JSON that is the list, and what each element has.
        private struct Listing {
            let arguments: [String]
            let member: String
            var elements: Set<String> = []

            /// - Parameter names: The words of the command, `PROJECT` for the project's name.
            init(_ words: String, _ member: String, _ elements: Set<String> = [], project: String) {
                arguments = words.split(separator: " ").map { $0 == "PROJECT" ? project : String($0) }
                self.member = member
                self.elements = elements
            }
        }

        private func listings(_ project: String) -> [Listing] {
            [
                Listing(
                    "runs --limit 7",
                    "runs",
                    ["id", "project", "sequence", "cause", "state", "attempts"],
                    project: project
                ),
                Listing(
                    "listeners PROJECT",
                    "listeners",
                    ["name", "database", "state", "behind", "waiting", "running", "failed", "uncertain"],
                    project: project
                ),
                Listing("listeners", "listeners", ["project", "name"], project: project),
                Listing(
                    "jobs PROJECT",
                    "jobs",
                    ["project", "name", "schedule", "state", "next", "last"],
                    project: project
                ),
                Listing("jobs show PROJECT night", "next", project: project),
                Listing("databases", "databases", ["name", "info", "settings"], project: project),
                Listing("users", "users", ["name", "created", "changed"], project: project),
                Listing("users show PROJECT", "groups", project: project),
                Listing("groups", "groups", project: project),
                Listing("groups members tool-group", "members", project: project),
                Listing(
                    "rollback PROJECT --list",
                    "versions",
                    ["version", "deployed", "by", "live"],
                    project: project
                ),
                Listing("doctor", "findings", ["state", "what", "found", "help"], project: project),
            ]
        }

        @Test func `every list is a table whose columns line up, and JSON with its members`() async throws {
            let stage = try await OperationStage.make()
            let tool = try Tool(stage.system)
            try #require(try await tool("groups", "add", "tool-group", stage.name).status == 0)
            // Something that ran.
            try #require(try await tool("jobs", "run", stage.name, "night").status == 0)
            _ = try await stage.entries("night", count: 1)
            for listing in listings(stage.name) {
                let name = listing.arguments.joined(separator: " ")
                let table = try await tool.run(listing.arguments)
                #expect(table.status == 0, "\(name): \(table.errors)\(table.output)")
                #expect(!table.output.unicodeScalars.contains("\u{1B}"), "\(name)")
                #expect(table.lines.count > 1, "\(name): \(table.output)")
                #expect(Self.linesUp(table.lines), "\(name):\n\(table.output)")
                let json = try await tool.run(listing.arguments + ["--json"])
                #expect(json.status == 0, "\(name)")
                let list = try #require(json.json[listing.member]?.arrayValue, "\(name): \(json.output)")
                #expect(!list.isEmpty, "\(name)")
                for element in list where !listing.elements.isEmpty {
                    let names = Set(element.objectValue?.names ?? [])
                    #expect(listing.elements.isSubset(of: names), "\(name): \(element)")
                }
            }
            try #require(try await tool("groups", "remove", "tool-group", stage.name).status == 0)
        }

        /// Whether no line has anything but space in front of where a column of the first one begins.
        private static func linesUp(_ lines: [Substring]) -> Bool {
            let header = Array(lines[0])
            let starts = header.indices.filter { place in
                place > 1 && header[place] != " " && header[place - 1] == " " && header[place - 2] == " "
            }
            return lines.allSatisfy { line in
                let characters = Array(line)
                return starts.allSatisfy { start in
                    (start - 2..<start).allSatisfy { $0 >= characters.count || characters[$0] == " " }
                }
            }
        }

        @Test func `colours are for terminals alone, and not where nobody wants them`() async throws {
            let system = try await RunningSystem.shared
            let tool = try Tool(system)
            let shown = try await tool.onTerminal("databases")
            #expect(shown.status == 0 && shown.output.hasPrefix("\u{1B}[1mdatabase"), "\(shown.output)")
            let plain = try await Tool(system, ["NO_COLOR": "1"]).onTerminal("databases")
            #expect(plain.output.hasPrefix("database ") && !plain.output.contains("\u{1B}"), "\(plain.output)")
            let json = try await tool.onTerminal("databases", "--json")
            #expect(!json.output.contains("\u{1B}") && json.json["databases"]?.arrayValue != nil)
            #expect(try await tool("databases").output.hasPrefix("database "))
            // How a command ends is the same.
            #expect(try await tool.onTerminal("runs", "none").status == 66)
        }

        @Test func `a run that failed is shown, tried again and set aside`() async throws {
            let stage = try await OperationStage.make()
            let tool = try Tool(stage.system)
            _ = try await stage.put("poison-1", ["type": "poison", "bad": true])
            func failed() async throws -> [JSONValue] {
                let runs = try await tool("runs", "--state", "failed", "--limit", "1000", "--json").json["runs"]
                return (runs?.arrayValue ?? []).filter { $0["project"]?.stringValue == stage.name }
            }
            var found: [JSONValue] = []
            try await eventually("the run has failed") {
                found = try await failed()
                return found.count == 1
            }
            let id = try #require(found.first?["id"]?.stringValue)
            #expect(found.first?["error"]?["message"] == "Poison.")
            let shown = try await tool("runs", id)
            #expect(shown.status == 0 && shown.output.contains("Poison.") && shown.output.contains(id))
            #expect(try await tool("runs", id, "--json").json["state"] == "failed")

            let retried = try await tool("retry", id)
            #expect(retried.status == 0 && retried.output == "\(id) is in line again\n", "\(retried.errors)")
            try await eventually("the run has failed again") {
                try await tool("runs", id, "--json").json["state"] == "failed"
            }
            let cancelled = try await tool("cancel", id, "--json")
            #expect(cancelled.status == 0 && cancelled.json != .null, "\(cancelled.output)")
            let again = try await tool("cancel", id)
            #expect(again.status == 65 && again.output.isEmpty && again.errors.hasPrefix("fullsync: 412 "))
            // The first one that is refused ends the command.
            let several = try await tool("retry", "none", id)
            #expect(several.status != 0)
            #expect(try await tool("runs", id, "--json").json["state"] == "cancelled")
        }

        @Test func `listeners and jobs rest and go on, and what is wrong is refused with its reason`() async throws {
            let stage = try await OperationStage.make()
            let tool = try Tool(stage.system)
            let steps: [(arguments: [String], words: String)] = [
                (["listeners", "pause", stage.name, "closed"], "closed rests\n"),
                (["listeners", "resume", stage.name, "closed"], "closed listens\n"),
                (["jobs", "pause", stage.name, "night"], "night rests\n"),
                (["jobs", "resume", stage.name, "night"], "night is scheduled\n"),
                (["jobs", "run", stage.name, "night"], "night is in line\n"),
            ]
            for step in steps {
                let ended = try await tool.run(step.arguments)
                #expect(ended.status == 0 && ended.output == step.words, "\(step.arguments): \(ended.errors)")
                let again = try await tool.run(step.arguments + ["--json"])
                #expect(again.status == 0 && again.json.objectValue != nil, "\(step.arguments): \(again.output)")
            }
            let rewound = try await tool("listeners", "rewind", stage.name, "closed", "--to", "beginning")
            #expect(rewound.status == 0 && rewound.output == "closed goes on from beginning\n")
            let wrong = try await tool("listeners", "rewind", stage.name, "closed", "--to", "yesterday")
            #expect(wrong.status == 65 && wrong.output.isEmpty)
            let state = try await tool("jobs", stage.name, "--json").json["jobs"]?.arrayValue ?? []
            #expect(state.allSatisfy { $0["state"] != "paused" })
        }

        @Test func `users and groups are made, shown, changed and deleted`() async throws {
            let system = try await RunningSystem.shared
            let tool = try Tool(system, ["FULLSYNC_USER_PASSWORD": "secret of ann"])
            let (name, group) = (uniqueID("ann"), uniqueID("red"))
            let made = try await tool("users", "put", name, "--groups", "\(group),blue")
            #expect(
                made.status == 0 && made.output.hasPrefix("\(name) can log in, with the groups ["),
                "\(made.errors)"
            )
            #expect(try await Client(system.http).login(name, "secret of ann").get("/_session").status == 200)
            #expect(try await tool("groups", "members", group, "--json").json["members"] == [.string(name)])
            #expect(try await tool("groups", "remove", group, name).output == "\(name) is not in \(group)\n")
            #expect(try await tool("groups", "members", group).output == "Nobody is in \(group).\n")
            #expect(try await tool("groups", "add", group, name).output == "\(name) is in \(group)\n")
            let kept = try await tool("users", "put", name, "--keep-password", "--groups", "blue", "--json")
            #expect(kept.status == 0 && kept.json["groups"] == ["blue"], "\(kept.output)")
            let colon = try await system.administrator.send("PUT", "/_fullsync/users/a:b", ["password": "x"])
            #expect(colon.status == 400)
            let nameless = try await Tool(system)("users", "put", name)
            #expect(nameless.status == 64 && nameless.errors.contains("set FULLSYNC_USER_PASSWORD"))
            for ended in [made, kept, nameless] { #expect(!(ended.output + ended.errors).contains("secret of ann")) }
            #expect(try await tool("users", "delete", name).output == "\(name) is deleted\n")
            let gone = try await tool("users", "show", name)
            #expect(gone.status == 66 && gone.errors.hasSuffix("; `fullsync users` shows what there is\n"))
        }

        @Test func `a project is deployed, taken back, and taken away`() async throws {
            let system = try await RunningSystem.shared
            let tool = try Tool(system)
            let project = "tool\(UInt32.random(in: 0 ... .max))"
            let directory = TestDirectory.make("project")
            try FileManager.default.createDirectory(
                atPath: directory + "/sequences",
                withIntermediateDirectories: true
            )
            try TextFile.replace(directory + "/project.yaml", with: "project: \(project)\n")
            for number in 1...2 {
                try TextFile.replace(directory + "/sequences/a.yaml", with: "steps: [{output: {n: \(number)}}]\n")
                let deployed = try await tool("deploy", directory)
                #expect(deployed.status == 0 && deployed.output == "\(project): version \(number) is live\n")
            }
            #expect(try await tool("call", project, "a").json == ["n": 2])
            let back = try await tool("rollback", project)
            #expect(back.output == "\(project): version 3 is live, with the files of version 1\n", "\(back.errors)")
            #expect(try await tool("call", project, "a").json == ["n": 1])
            let same = try await tool("rollback", project, "1")
            #expect(
                same.output == "\(project): nothing has changed, version 3 is live, with the files of version 1\n"
            )
            let other = try await tool("rollback", project, "2", "--json").json
            #expect(other["from"] == 2 && other["changed"] == true)
            let live = try await tool("rollback", project, "4", "--json").json
            #expect(live["version"] == 4 && live["changed"] == false)
            #expect(try await tool("rollback", project, "9").status == 66)
            try TextFile.replace(directory + "/sequences/a.yaml", with: "steps: [{fly: high}]\n")
            let wrong = try await tool("deploy", directory)
            #expect(wrong.status == 1 && wrong.errors.contains("sequences/a.yaml:1"), "\(wrong.errors)")
            let checked = try await tool("check", directory, "--json").json["problems"]
            #expect(checked?.arrayValue?.first?["file"] == "sequences/a.yaml", "\(checked?.text ?? "")")
            for command in ["check", "deploy", "test"] {
                let shown = try await tool(command, directory, "--json")
                #expect(shown.status == 1 && shown.json["problems"] == checked, "\(command): \(shown.output)")
            }
            #expect(try await tool("undeploy", project).output == "\(project) is not live any more\n")
            for words in [["call", project, "a"], ["undeploy", project], ["jobs", project]] {
                let ended = try await tool.run(words)
                #expect(ended.status == 66 && ended.output.isEmpty, "\(words)")
                #expect(
                    ended.errors.hasSuffix("; `fullsync doctor` shows what there is\n"),
                    "\(words): \(ended.errors)"
                )
            }
        }

        @Test func `what goes wrong has an exit code, and says what to do`() async throws {
            let system = try await RunningSystem.shared
            let tool = try Tool(system)
            let stranger = try Tool(
                system,
                [
                    "FULLSYNC_ENDPOINT": system.http, "FULLSYNC_ADMIN_USER": uniqueID("eve"),
                    "FULLSYNC_ADMIN_PASSWORD": "x",
                ]
            )
            for words in [["runs"], ["users"], ["databases"], ["rollback", "field-service"]] {
                let ended = try await stranger.run(words)
                #expect(ended.status == 77 && ended.output.isEmpty, "\(words): \(ended.status) \(ended.errors)")
                #expect(ended.errors.contains("set FULLSYNC_ADMIN_USER"), "\(words): \(ended.errors)")
            }
            let nobody = Tool([
                "FULLSYNC_ENDPOINT": "http://127.0.0.1:1", "FULLSYNC_ADMIN_PASSWORD": "x",
                "FULLSYNC_HOME": TestDirectory.make("nobody"),
            ])
            for words in [["jobs"], ["groups"], ["cancel", "x"], ["undeploy", "x"]] {
                let ended = try await nobody.run(words)
                #expect(ended.status == 69 && ended.errors.contains("`fullsync start`"), "\(words): \(ended.errors)")
            }
            let sick = try await nobody("doctor", "--json")
            #expect(sick.status == 1)
            let findings = sick.json["findings"]?.arrayValue ?? []
            let endpoint = findings.first { $0["what"] == "endpoint" }
            #expect(endpoint?["state"] == "wrong" && endpoint?["help"] == "fullsync start", "\(sick.output)")
            for (words, next) in [
                (["runs", "none"], "fullsync runs"),
                (["jobs", "show", "field-service", "x"], "fullsync jobs field-service"),
                (["listeners", "pause", "field-service", "x"], "fullsync listeners field-service"),
                (["databases", "set", "no-database", "anonymous=read"], "fullsync databases"),
            ] {
                let ended = try await tool.run(words)
                #expect(ended.status == 66, "\(words): \(ended.errors)")
                #expect(ended.errors.hasSuffix("; `\(next)` shows what there is\n"), "\(words): \(ended.errors)")
            }
            for words in [
                ["runs", "--limit", "many"], ["rollback"], ["jobs", "run"], ["resolve", "x"], ["schema", "x"],
            ] {
                #expect(try await tool.run(words).status == 64, "\(words)")
            }
        }

        @Test func `settings of a database are changed and shown, and wrong ones refused`() async throws {
            let stage = try await Stage.make("tool")
            let tool = try Tool(try await RunningSystem.shared)
            let set = try await tool("databases", "set", stage.database, "anonymous=read", "revisionLimit=7")
            #expect(set.status == 0 && set.lines.contains { $0.hasPrefix("anonymous ") && $0.hasSuffix("read") })
            let listed = try await tool("databases", "--json").json["databases"]?.arrayValue ?? []
            let found = listed.first { $0["name"]?.stringValue == stage.database }
            #expect(found?["settings"]?["anonymous"] == "read" && found?["settings"]?["revisionLimit"] == 7)
            for wrong in ["anonymous=all", "colour=red", "revisionLimit=none"] {
                let ended = try await tool("databases", "set", stage.database, wrong)
                #expect(ended.status == 65 && ended.output.isEmpty, "\(wrong): \(ended.errors)")
            }
        }

        @Test(arguments: ["project", "connector", "sequence", "listener", "job", "test", "database"])
        func `the schema of each kind of file is one`(kind: String) async throws {
            let ended = try await Tool([:])("schema", kind)
            #expect(ended.status == 0)
            #expect(ended.json["$schema"]?.stringValue?.contains("json-schema.org") == true, "\(ended.errors)")
            #expect(ended.output.hasPrefix("{\n"))
        }
    }
}
