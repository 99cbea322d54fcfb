import JSON
import PrivateServers
import TestSupport
import Testing

@Suite(.database, .virtualHost) struct APITests {
    @Test func `lists come page by page, whole and in order, and nobody without the token sees them`() async throws {
        let erp = try await RunningERP.start()
        let technicians = try await erp.all("/technicians", limit: 7)
        #expect(technicians.count == 50)
        #expect(
            technicians == technicians.sorted { ($0["login"]?.stringValue ?? "") < ($1["login"]?.stringValue ?? "") }
        )
        #expect(try await erp.all("/customers", limit: 200).count == 200)
        #expect(try await erp.all("/parts", limit: 299).count == 300)
        #expect(try await erp.all("/teams", limit: 2).count == 5)
        #expect(try await erp.all("/work-orders", limit: 1_000).count == 2_000)
        let catalogue = try await erp.all("/catalogue", limit: 1_000)
        #expect(catalogue.count > 12_000)
        #expect(Set(catalogue.map { $0["kind"] }) == ["country", "currency", "language", "script", "subdivision"])
        for path in ["/technicians", "/work-orders", "/nothing"] {
            #expect(try await erp.send("GET", path, token: nil).status == 401)
            #expect(try await erp.send("GET", path, token: "another").status == 401)
        }
        #expect(try await erp.get("/technicians?limit=0").status == 422)
        #expect(try await erp.get("/technicians?limit=1001").status == 422)
        #expect(await erp.service.stop() == .code(0))
    }

    @Test func `a technician logs in with the right password and no other`() async throws {
        let erp = try await RunningERP.start()
        func logIn(_ body: JSONValue) async throws -> RunningERP.Answer {
            try await erp.send("POST", "/sessions", body)
        }
        let right = try await logIn(["user": "anna.berg", "password": "anna.berg-2026"])
        #expect(right.status == 200)
        #expect(right.body == ["user": "anna.berg", "name": "Anna Berg", "teams": ["north"]])
        #expect(try await logIn(["user": "anna.berg", "password": "boris.berg-2026"]).status == 401)
        #expect(try await logIn(["user": "nobody", "password": "nobody-2026"]).status == 401)
        #expect(try await logIn(["user": "anna.berg"]).status == 400)
        #expect(try await logIn(["user": "anna.berg", "password": 7]).status == 400)
        #expect(try await erp.send("POST", "/sessions", text: "{\"user").status == 400)
        #expect(try await erp.send("POST", "/sessions", text: String(repeating: " ", count: 2 << 20)).status == 413)
    }

    @Test func `the same key again answers the same and changes nothing, however many at once`() async throws {
        let erp = try await RunningERP.start()
        let change: JSONValue = ["status": "closed", "closedBy": "anna.berg", "notes": "Done."]
        let answers = try await withThrowingTaskGroup(of: RunningERP.Answer.self) { group in
            for _ in 0..<20 {
                group.addTask { try await erp.send("PATCH", "/work-orders/WO-00017", change, key: "k-1") }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.allSatisfy { $0.status == 200 && $0.body == answers.first?.body })
        #expect(answers.first?.body["version"] == 2_001)
        // Another change, then the old key: the old answer, and the order as the other change left it.
        let second = try await erp.send("PATCH", "/work-orders/WO-00017", ["notes": "Really done."], key: "k-2")
        #expect(second.body["version"] == 2_002)
        #expect(try await erp.send("PATCH", "/work-orders/WO-00017", change, key: "k-1").body == answers.first?.body)
        #expect(try await erp.get("/work-orders/WO-00017").body["notes"] == "Really done.")
        // The key of one request is not another's.
        #expect(try await erp.send("PATCH", "/work-orders/WO-00017", ["status": "open"], key: "k-1").status == 422)
        #expect(try await erp.send("PATCH", "/work-orders/WO-00018", change, key: "k-1").status == 422)
        // A request that was refused leaves its key free.
        let wrong: JSONValue = ["status": "closed", "closedBy": "nobody"]
        #expect(try await erp.send("PATCH", "/work-orders/WO-00019", wrong, key: "k-3").status == 422)
        #expect(try await erp.send("PATCH", "/work-orders/WO-00019", ["notes": "x"], key: "k-3").status == 200)
    }

    @Test func `work orders are found by number, technician, team and version, made, and given to others`() async throws
    {
        let erp = try await RunningERP.start()
        let two = try await erp.get("/work-orders?ids=WO-00001,WO-00003,WO-99999").body
        #expect(two["rows"]?.arrayValue?.map { $0["number"] } == ["WO-00001", "WO-00003"])
        let before = try await erp.get("/work-orders?technician=anna.berg&limit=1000").body["rows"]?.arrayValue ?? []
        #expect(!before.isEmpty && before.allSatisfy { $0["technician"] == "anna.berg" && $0["team"] == "north" })

        let made = try await erp.send(
            "POST",
            "/work-orders",
            ["title": "New boiler", "customer": "C-0001", "technician": "anna.berg"]
        )
        #expect(made.status == 201)
        let number = try #require(made.body["number"]?.stringValue)
        let reassigned = try await erp.send("POST", "/work-orders/\(number)/reassign", ["technician": "boris.berg"])
        #expect(reassigned.body["team"] == "south")
        let changed = try await erp.get("/work-orders?changedAfter=2000").body
        #expect(changed["rows"]?.arrayValue?.map { $0["number"]?.stringValue } == [number])
        #expect(changed["version"] == 2_002)

        #expect(try await erp.get("/work-orders/WO-99999").status == 404)
        #expect(try await erp.send("PATCH", "/work-orders/WO-99999", ["notes": "x"]).status == 404)
        #expect(try await erp.send("POST", "/work-orders/WO-00001/reassign", ["technician": "nobody"]).status == 422)
        #expect(try await erp.send("POST", "/work-orders", ["title": "", "customer": "C-0001"]).status == 422)
        let unknownPart: JSONValue = ["parts": [["part": "P-9999", "quantity": 1]]]
        #expect(try await erp.send("PATCH", "/work-orders/WO-00001", unknownPart).status == 422)
        #expect(try await erp.get("/work-orders?changedAfter=now").status == 422)
    }
}
