import JSON
import PrivateServers
import TestSupport
import Testing

extension SystemTests {
    /// Several change listeners at once: each takes its share, and gives it back when it leaves.
    @Suite(.timeLimit(.minutes(30))) struct ListenerScalingTests {
        private static let listeners = 40

        private static func files(_ project: String) -> JSONObject {
            var files: JSONObject = [
                "project.yaml": .string("project: \(project)\n"),
                "databases/\(project)/database.yaml": "description: What all of them listen to.\n",
                "sequences/hear.yaml":
                    "variables: {doc: {multi: true, required: true}}\nsteps: [{set: {n: =doc.length}}]\n",
            ]
            for number in 0..<listeners {
                files["listeners/l\(number).yaml"] = .string(
                    "database: \(project)\nall: true\norigin: any\nchunk: 1\nsequence: hear\n"
                )
            }
            return files
        }

        /// How many of the project's listeners each process follows at the moment.
        private func shares(_ project: String, _ system: RunningSystem) async throws -> [String: Int] {
            let lines = try await system.query(
                """
                SELECT holder || ' ' || count(*) FROM leases
                WHERE name LIKE 'listener/\(project)/%' AND until > now() GROUP BY holder
                """
            )
            let pairs = lines.map { $0.split(separator: " ") }.map { (String($0[0]), Int($0[1]) ?? 0) }
            return Dictionary(uniqueKeysWithValues: pairs)
        }

        private func write(_ id: String, to project: String, _ system: RunningSystem) async throws {
            let answer = try await system.administrator.send("PUT", "/\(project)/\(id)", [:])
            try #require(answer.status == 201, "\(answer.json)")
        }

        private func expectRuns(_ documents: Int, of project: String, _ system: RunningSystem) async throws {
            let expected = Self.listeners * documents
            try await eventually("each listener has heard of \(documents) documents", within: .seconds(300)) {
                let lines = try await system.query(
                    "SELECT count(*) FROM runs WHERE project = '\(project)' AND state = 'succeeded'"
                )
                return lines == ["\(expected)"]
            }
        }

        private func start(_ system: RunningSystem) async throws -> TestService {
            try await TestService.start(
                "change-listener",
                [
                    "FULLSYNC_POSTGRES_URL": system.postgres, "FULLSYNC_AMQP_URL": system.amqp,
                    "FULLSYNC_SYMBOL_ERP_URL": system.erp.base, "FULLSYNC_SYMBOL_ERP_TOKEN": "not needed here",
                    "FULLSYNC_SCRIPT_TIME": "1s",
                ]
            )
        }

        @Test func `processes that come take over, those that go give back, and each change is heard once`()
            async throws
        {
            let system = try await RunningSystem.shared
            let project = "scaling\(UInt32.random(in: 0 ... .max))"
            let path = "/_fullsync/projects/\(project)"
            let deployed = try await system.administrator.send(
                "PUT",
                path,
                ["files": .object(Self.files(project))]
            )
            try #require(deployed.status == 200, "\(deployed.json)")
            var others: [TestService] = []
            try await attempt {
                try await write("one", to: project, system)
                for _ in 0..<3 { others.append(try await start(system)) }
                try await eventually("four processes share the listeners", within: .seconds(300)) {
                    let shares = try await shares(project, system)
                    return shares.count == 4 && shares.values.reduce(0, +) == Self.listeners
                }
                try await write("two", to: project, system)
                try await expectRuns(2, of: project, system)
                for _ in 0..<2 {
                    let end = await others.removeLast().stop()
                    #expect(end == .code(0))
                }
                try await write("three", to: project, system)
                try await eventually("two processes share them", within: .seconds(300)) {
                    let shares = try await shares(project, system)
                    return shares.count == 2 && shares.values.reduce(0, +) == Self.listeners
                }
                try await expectRuns(3, of: project, system)
            } finally: {
                for service in others {
                    let end = await service.stop()
                    #expect(end == .code(0))
                }
                // So that nobody follows for the rest of the tests.
                let files: JSONValue = ["files": ["project.yaml": .string("project: \(project)\n")]]
                let retired = try await system.administrator.send("PUT", path, files)
                #expect(retired.status == 200)
            }
            let twice = try await system.query(
                "SELECT source FROM runs WHERE project = '\(project)' GROUP BY source HAVING count(*) <> 3"
            )
            #expect(twice.isEmpty, "\(twice)")
        }
    }
}
