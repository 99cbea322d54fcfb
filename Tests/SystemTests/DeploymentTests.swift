import JSON
import Logging
import Postgres
import PrivateServers
import Synchronization
import TestSupport
import Testing

extension SystemTests {
    /// A version becomes live with all that belongs to it, or nothing of it does.
    @Suite(.timeLimit(.minutes(30))) struct DeploymentTests {
        /// A project with two databases of its own, in its versions.
        private struct Shop {
            let system: RunningSystem
            let name = uniqueID("shop")

            var path: String { "/_fullsync/projects/\(name)" }
            var first: String { "a-\(name)" }
            var second: String { "b-\(name)" }

            static func make() async throws -> Shop { Shop(system: try await RunningSystem.shared) }

            /// The first version.
            var one: JSONObject {
                [
                    "project.yaml": .string("project: \(name)\n"),
                    "databases/\(first)/database.yaml": "", "databases/\(second)/database.yaml": "",
                    "databases/\(first)/design/d/filters/f.js": "() => 1",
                    "databases/\(first)/design/old/filters/f.js": "() => 1",
                    "databases/\(second)/design/d/filters/f.js": "() => 1",
                    "connectors/store.yaml": .string("type: fullsync\ndatabase: \(first)\n"),
                    "sequences/which.yaml": "access: public\nsteps: [{return: 1}]\n",
                    "sequences/wait.yaml": """
                    access: public
                    timeout: 10m
                    steps:
                      - callTransaction: store.postDocument
                        with: {document: {_id: began}}
                      - set: {seen: false}
                      - while: "!seen"
                        do:
                          - sleep: 50ms
                          - callTransaction: store.allDocs
                            with: {key: go}
                            as: found
                          - set: {seen: =found.rows.length > 0}
                      - callSequence: which
                        as: version
                      - return: =version
                    """,
                ]
            }

            /// The next one: other settings and functions, another database, a listener, one design document less.
            var two: JSONObject {
                var files = one
                for database in [first, second] {
                    files["databases/\(database)/database.yaml"] = "anonymous: read\n"
                    files["databases/\(database)/design/d/filters/f.js"] = "() => 2"
                }
                files["databases/\(first)/design/old/filters/f.js"] = nil
                files["databases/c-\(name)/database.yaml"] = ""
                files["databases/c-\(name)/design/d/filters/f.js"] = "() => 2"
                files["sequences/which.yaml"] = "access: public\nsteps: [{return: 2}]\n"
                files["sequences/hear.yaml"] = "variables: {doc: {type: object, multi: true}}\nsteps: []\n"
                files["listeners/hear.yaml"] = .string("database: \(first)\nall: true\nsequence: hear\n")
                return files
            }

            func deploy(_ files: JSONObject, to endpoint: Client? = nil) async throws -> Client.Answer {
                try await (endpoint ?? system.administrator).send("PUT", path, ["files": .object(files)])
            }

            /// What the system has of it, all of which one version decides.
            func state() async throws -> [String: JSONValue] {
                let administrator = system.administrator
                var state: [String: JSONValue] = [:]
                state["version"] = try await administrator.get(path).json["version"]
                state["answer"] = try await administrator.send("POST", "\(path)/sequences/which", [:]).json
                state["third"] = .bool(try await administrator.get("/c-\(name)").status == 200)
                for database in [first, second] {
                    state["\(database) filter"] = try await filter("d", of: database)
                    let settings = try await administrator.get("/_fullsync/databases/\(database)").json
                    state["\(database) anonymous"] = settings["anonymous"]
                }
                state["old"] = try await filter("old", of: first)
                return state
            }

            /// An endpoint of its own for as long as the body runs.
            func withEndpoint(
                _ settings: [String: String] = [:],
                _ body: (TestService, Client) async throws -> Void
            ) async throws {
                let own = [
                    "FULLSYNC_POSTGRES_URL": system.postgres, "FULLSYNC_AMQP_URL": system.amqp,
                    "FULLSYNC_ADMIN_PASSWORD": try system.password, "FULLSYNC_PORT": "0",
                ]
                let service = try await TestService.start("replication-endpoint", own.merging(settings) { $1 })
                try await attempt {
                    let address = try #require(try await service.addresses().http, "\(service.output)")
                    try await body(service, Client(address, .basic(name: "admin", password: try system.password)))
                } finally: {
                    service.process.send(.kill)
                    _ = await service.process.waitForExit()
                }
            }

            func filter(_ design: String, of database: String) async throws -> JSONValue {
                try await system.administrator.get("/\(database)/_design/\(design)").json["filters"]?["f"] ?? .null
            }
        }

        // MARK: - Design documents that a version drops

        @Test func `what a version drops is deleted, and a rollback brings it back`() async throws {
            let shop = try await Shop.make()
            let administrator = shop.system.administrator
            try #require(try await shop.deploy(shop.one).json["version"] == 1)
            let foreign = try await administrator.send("PUT", "/\(shop.first)/_design/foreign", ["filters": [:]])
            try #require(foreign.status == 201)
            let changed = try await shop.deploy(shop.two)
            #expect(changed.json["removed"] == [.string("\(shop.first)/_design/old")], "\(changed.json)")
            #expect(changed.json["kept"] == [])
            #expect(try await administrator.get("/\(shop.first)/_design/old").status == 404)

            let back = try await administrator.send("POST", "\(shop.path)/versions", [:])
            #expect(back.json["removed"] == [.string("c-\(shop.name)/_design/d")], "\(back.json)")
            #expect(try await shop.filter("old", of: shop.first) == "() => 1")
            #expect(try await administrator.get("/c-\(shop.name)").status == 200)
            #expect(try await administrator.get("/c-\(shop.name)/_design/d").status == 404)
            #expect(try await administrator.get("/\(shop.first)/_design/foreign").status == 200)
        }

        @Test func `what somebody has changed, and what another project has, stays`() async throws {
            let shop = try await Shop.make()
            let administrator = shop.system.administrator
            var files = shop.one
            files["databases/\(shop.first)/design/shared/filters/f.js"] = "() => 1"
            try #require(try await shop.deploy(files).json["version"] == 1)
            let other = uniqueID("other")
            let others: JSONObject = [
                "project.yaml": .string("project: \(other)\n"), "databases/\(shop.first)/database.yaml": "",
                "databases/\(shop.first)/design/shared/filters/f.js": "() => 1",
            ]
            let path = "/_fullsync/projects/\(other)"
            try #require(try await administrator.send("PUT", path, ["files": .object(others)]).status == 200)
            var old = try #require(try await administrator.get("/\(shop.first)/_design/old").json.objectValue)
            old["filters"] = ["f": "() => 'mine'"]
            let edited = try await administrator.send("PUT", "/\(shop.first)/_design/old", .object(old))
            try #require(edited.status == 201)

            let changed = try await shop.deploy(shop.two)
            #expect(changed.json["removed"] == [], "\(changed.json)")
            #expect(changed.json["kept"] == [.string("\(shop.first)/_design/old")])
            #expect(try await shop.filter("old", of: shop.first) == "() => 'mine'")
            #expect(try await shop.filter("shared", of: shop.first) == "() => 1")
        }

        @Test func `an index that a version declares is used, and goes with the version that has it no more`()
            async throws
        {
            let shop = try await Shop.make()
            let administrator = shop.system.administrator
            var files = shop.one
            files["databases/\(shop.first)/database.yaml"] = """
                indexes:
                  by-due:
                    fields: [due]
                    partial_filter_selector: {type: order}
                  by-name: {fields: [name, size], ddoc: by-due}
                """
            let deployed = try await shop.deploy(files)
            try #require(deployed.status == 200, "\(deployed.json)")
            for (id, type, due) in [("a", "order", 3), ("b", "order", 5), ("c", "note", 4)] {
                let document: JSONValue = ["type": .string(type), "due": .number(JSONNumber(due))]
                try #require(try await administrator.send("PUT", "/\(shop.first)/\(id)", document).status == 201)
            }
            let query: JSONValue = ["selector": ["type": "order", "due": ["$gt": 3]], "use_index": "by-due"]
            let plan = try await administrator.send("POST", "/\(shop.first)/_explain", query).json
            #expect(plan["index"]?["name"] == "by-due" && plan["index"]?["ddoc"] == "_design/by-due", "\(plan)")
            let found = try await administrator.send("POST", "/\(shop.first)/_find", query).json
            #expect(found["docs"]?.arrayValue?.map { $0["_id"] } == ["b"], "\(found)")
            #expect(found["warning"] == nil, "\(found)")
            #expect(try await names(of: shop) == ["_all_docs", "by-due", "by-name"])

            // The same index by the same request is there already.
            let asked: JSONValue = ["index": ["fields": ["name", "size"]], "ddoc": "by-due", "name": "by-name"]
            #expect(try await administrator.send("POST", "/\(shop.first)/_index", asked).json["result"] == "exists")

            let changed = try await shop.deploy(shop.two)
            #expect(changed.json["removed"]?.arrayValue?.contains(.string("\(shop.first)/_design/by-due")) == true)
            #expect(try await names(of: shop) == ["_all_docs"])
        }

        @Test func `the index that somebody has added to a declared one stays`() async throws {
            let shop = try await Shop.make()
            let administrator = shop.system.administrator
            func files(_ indexes: String) -> JSONObject {
                var files = shop.one
                files["databases/\(shop.first)/database.yaml"] = .string("indexes: {\(indexes)}\n")
                return files
            }
            let due = "by-due: {fields: [due]}"
            let size = "by-size: {fields: [size], ddoc: by-due}"
            let deployed = try await shop.deploy(files("\(due), \(size)"))
            try #require(deployed.status == 200, "\(deployed.json)")
            let asked: JSONValue = ["index": ["fields": ["name"]], "ddoc": "by-due", "name": "mine"]
            let made = try await administrator.send("POST", "/\(shop.first)/_index", asked)
            try #require(made.json["result"] == "created", "\(made.json)")

            try #require(try await shop.deploy(files(due)).status == 200)
            #expect(try await names(of: shop) == ["_all_docs", "by-due", "mine"])
            let changed = try await shop.deploy(shop.two)
            #expect(changed.json["kept"] == [.string("\(shop.first)/_design/by-due")], "\(changed.json)")
            #expect(try await names(of: shop) == ["_all_docs", "by-due", "mine"])
        }

        @Test func `an index with a symbol in it goes, and what a symbol makes another project's stays`() async throws {
            let shop = try await Shop.make()
            try await shop.withEndpoint(["FULLSYNC_SYMBOL_SITE": "north"]) { _, endpoint in
                func files(_ project: String, _ indexes: String) -> JSONObject {
                    [
                        "project.yaml": .string("project: \(project)\nsymbols: {SITE: {default: south}}\n"),
                        "databases/\(shop.first)/database.yaml": .string("indexes: {\(indexes)}\n"),
                    ]
                }
                let shared = "shared: {fields: [a], ddoc: north}"
                let filtered = "here: {fields: [n], partial_filter_selector: {site: \"${SITE}\"}}"
                let first = try await shop.deploy(files(shop.name, "\(filtered), \(shared)"), to: endpoint)
                try #require(first.status == 200, "\(first.json)")
                let other = uniqueID("other")
                let others = files(other, "shared: {fields: [a], ddoc: \"${SITE}\"}")
                let second = try await endpoint.send(
                    "PUT",
                    "/_fullsync/projects/\(other)",
                    ["files": .object(others)]
                )
                try #require(second.status == 200, "\(second.json)")
                #expect(try await names(of: shop) == ["_all_docs", "here", "shared"])

                let changed = try await shop.deploy(shop.one, to: endpoint)
                #expect(changed.json["removed"] == [.string("\(shop.first)/_design/here")], "\(changed.json)")
                #expect(changed.json["kept"] == [], "\(changed.json)")
                #expect(try await names(of: shop) == ["_all_docs", "shared"])
            }
        }

        @Test func `an index that two projects have goes with the last of them, and not with an undeployment`()
            async throws
        {
            let shop = try await Shop.make()
            let administrator = shop.system.administrator
            let other = uniqueID("other")
            func files(_ project: String, _ indexes: String) -> JSONObject {
                [
                    "project.yaml": .string("project: \(project)\n"),
                    "databases/\(shop.first)/database.yaml": .string("indexes: {\(indexes)}\n"),
                ]
            }
            func deploy(_ project: String, _ indexes: String) async throws -> JSONValue {
                let answer = try await administrator.send(
                    "PUT",
                    "/_fullsync/projects/\(project)",
                    ["files": .object(files(project, indexes))]
                )
                try #require(answer.status == 200, "\(answer.json)")
                return answer.json
            }
            let shared = "shared: {fields: [a]}"
            for project in [shop.name, other] { _ = try await deploy(project, shared) }
            #expect(try await deploy(shop.name, "")["removed"] == [])
            #expect(try await names(of: shop) == ["_all_docs", "shared"])
            let taken = try await administrator.send("DELETE", "/_fullsync/projects/\(other)")
            try #require(taken.status == 200, "\(taken.json)")
            #expect(try await names(of: shop) == ["_all_docs", "shared"])
            // What comes back has it still, and gives it up.
            _ = try await deploy(other, shared)
            #expect(try await deploy(other, "")["removed"] == [.string("\(shop.first)/_design/shared")])
            #expect(try await names(of: shop) == ["_all_docs"])
        }

        private func names(of shop: Shop) async throws -> [JSONValue?] {
            let list = try await shop.system.administrator.get("/\(shop.first)/_index").json
            return list["indexes"]?.arrayValue?.map { $0["name"] } ?? []
        }

        // MARK: - All or nothing

        @Test func `a version of which one database refuses something leaves nothing`() async throws {
            let shop = try await Shop.make()
            try #require(try await shop.deploy(shop.one).json["version"] == 1)
            let before = try await shop.state()
            var files = shop.two
            // No function, which only running it tells.
            files["databases/\(shop.second)/design/rules/validate_doc_update.js"] = "(() => 42)()"
            let answer = try await shop.deploy(files)
            #expect(answer.status == 400 && answer.error == "compilation_error", "\(answer.json)")
            #expect(answer.reason?.hasPrefix("\(shop.second)/_design/rules: ") == true, "\(answer.json)")
            #expect(try await shop.state() == before)
            #expect(try await shop.system.administrator.get("/\(shop.first)/_design/rules").status == 404)
            files["databases/\(shop.second)/design/rules/validate_doc_update.js"] = "() => {}"
            #expect(try await shop.deploy(files).json["version"] == 2)
            #expect(try await shop.state() != before)
        }

        /// Where a deployment is held up before its process is killed.
        enum Moment: String, CaseIterable {
            /// When another deployment is under way.
            case turn
            case beginning
            /// When the first database has its settings and documents.
            case secondDatabase
            /// When all databases have theirs.
            case listener
            /// When the version is there, and not live.
            case version

            /// A statement behind whose lock the deployment waits.
            fileprivate func lock(_ project: String, _ first: String, _ second: String) -> PostgresQuery {
                switch self {
                case .turn: "SELECT 1 FROM pg_advisory_xact_lock(7003)"
                case .beginning:
                    """
                    SELECT 1 FROM counters JOIN databases ON id = database WHERE name = \(second)
                    FOR UPDATE OF counters
                    """
                case .secondDatabase: "SELECT 1 FROM databases WHERE name = \(second) FOR UPDATE"
                case .listener:
                    """
                    INSERT INTO positions (follower, database, incarnation, seq)
                    VALUES (\("listener/\(project)/hear"), \(first), 'x', 0)
                    """
                case .version: "SELECT 1 FROM projects WHERE name = \(project) FOR UPDATE"
                }
            }

            /// What the statement that waits begins with.
            fileprivate var waiting: String {
                switch self {
                case .turn: "SELECT pg_advisory_xact_lock%"
                case .beginning: "SELECT FROM counters WHERE database = ANY%"
                case .secondDatabase: "UPDATE databases%"
                case .listener: "INSERT INTO positions%"
                case .version: "INSERT INTO projects%"
                }
            }
        }

        @Test(arguments: Moment.allCases)
        func `a process that is killed while it deploys leaves the old version, whole`(moment: Moment) async throws {
            let shop = try await Shop.make()
            try #require(try await shop.deploy(shop.one).json["version"] == 1)
            let before = try await shop.state()
            try await shop.withEndpoint { service, endpoint in
                // Once before, so that the next time it has what it needs for the scripts.
                try #require(try await shop.deploy(shop.one, to: endpoint).json["version"] == 1)
                try await kill(service, at: moment, deploying: shop, to: endpoint)
            }
            #expect(try await shop.state() == before)
            // The next one finds nothing in its way.
            let answer = try await shop.deploy(shop.two)
            #expect(answer.json["version"] == 2, "\(answer.json)")
            try await eventually("the new version answers") { try await shop.state()["answer"] == 2 }
            let after = try await shop.state()
            #expect(after["answer"] == 2 && after["third"] == true && after["old"] == .null, "\(after)")
            for database in [shop.first, shop.second] {
                #expect(after["\(database) filter"] == "() => 2" && after["\(database) anonymous"] == "read")
            }
        }

        /// Kills the endpoint when the deployment of the second version has come so far.
        private func kill(
            _ service: TestService,
            at moment: Moment,
            deploying shop: Shop,
            to endpoint: Client
        ) async throws {
            var configuration = try PostgresConfiguration(url: shop.system.postgres)
            configuration.idleTransactionTimeout = .zero
            let postgres = PostgresClient(configuration, logger: Logger(label: "tests"))
            try await attempt {
                try await postgres.withConnection { connection in
                    try await connection.execute("BEGIN")
                    _ = try await connection.query(moment.lock(shop.name, shop.first, shop.second))
                    let holder = try await connection.query("SELECT pg_backend_pid()").first?.decode(Int32.self, at: 0)
                    let answer = Mutex<Client.Answer?>(nil)
                    let deploying = Task {
                        guard let said = try? await shop.deploy(shop.two, to: endpoint) else { return }
                        answer.withLock { $0 = said }
                    }
                    try await attempt {
                        try await eventually("the deployment waits") {
                            try #require(answer.withLock { $0 } == nil, "it waited for nothing")
                            // On another connection: within a transaction this view stays as it was first seen.
                            let rows = try await postgres.query(
                                """
                                SELECT count(*) FROM pg_stat_activity
                                WHERE \(holder) = ANY(pg_blocking_pids(pid))
                                    AND ltrim(query, E' \\n') LIKE \(moment.waiting)
                                """
                            )
                            return try rows.first?.decode(Int64.self, at: 0) == 1
                        }
                        if moment == .turn {
                            // Who waits for its turn holds up nobody who writes.
                            let path = "/\(shop.first)/written"
                            #expect(try await shop.system.administrator.send("PUT", path, [:]).status == 201)
                        }
                    } finally: {
                        service.process.send(.kill)
                        _ = await service.process.waitForExit()
                        await deploying.value
                        try await connection.execute("ROLLBACK")
                    }
                    #expect(answer.withLock { $0 } == nil)
                }
            } finally: {
                await postgres.close()
            }
        }

        @Test func `a run that has begun ends on the version that it began on`() async throws {
            let shop = try await Shop.make()
            try #require(try await shop.deploy(shop.one).json["version"] == 1)
            let administrator = shop.system.administrator
            let running = Task { try await administrator.send("POST", "\(shop.path)/sequences/wait", [:]) }
            try await eventually("the run has begun") {
                try await administrator.get("/\(shop.first)/began").status == 200
            }
            #expect(try await shop.deploy(shop.two).json["version"] == 2)
            try await eventually("the new version answers") {
                try await administrator.send("POST", "\(shop.path)/sequences/which", [:]).json == 2
            }
            try #require(try await administrator.send("PUT", "/\(shop.first)/go", [:]).status == 201)
            #expect(try await running.value.json == 1)
        }
    }
}
