import CouchProtocol
import JSON
import PrivateServers
import TestSupport
import Testing

extension SystemTests {
    /// From a device to the ERP, whatever dies on the way (contract, promises P4, P5 and P7).
    @Suite(.timeLimit(.minutes(30))) struct PipelineTests {
        @Test func `two quick changes of a document reach the ERP in their order`() async throws {
            let scene = try await Scene.make()
            for note in ["first", "second", "third"] {
                try await scene.device.change(scene.id, ["notes": .string(note)])
                try await scene.device.push()
            }
            try await scene.expect(["first", "second", "third"])
        }

        @Test(arguments: ["sequence-worker", "back-end-connector"])
        func `a service is killed while the ERP is being asked`(service: String) async throws {
            let scene = try await Scene.make()
            let erp = try scene.system.process(of: "demo-erp")
            erp.pause()
            do {
                defer { erp.proceed() }
                try await scene.close("closed while the \(service) was killed")
                try await scene.waitForRun("running")
                try await scene.system.replace(service)
            }
            try await scene.expect(["closed while the \(service) was killed"])
            try await scene.expectClosed()
        }

        @Test func `the change listener is killed before it has seen the change`() async throws {
            let scene = try await Scene.make()
            let listener = try scene.system.process(of: "change-listener")
            listener.pause()
            try await scene.close("unseen")
            listener.send(.kill)
            try await scene.expect(["unseen"])
            try await scene.system.waitForSuccessor(of: listener, "change-listener")
        }

        @Test func `the endpoint is killed while the device pushes`() async throws {
            let scene = try await Scene.make()
            let endpoint = try scene.system.process(of: "replication-endpoint")
            endpoint.pause()
            async let push: Void = scene.close("pushed again")
            endpoint.send(.kill)
            try await push
            try await scene.expect(["pushed again"])
            try await scene.system.waitForSuccessor(of: endpoint, "replication-endpoint")
        }

        @Test func `the scheduler is killed, and its successor fires nothing again`() async throws {
            let scene = try await Scene.make()
            let killed = try #require(try await scene.system.query("SELECT now()").first)
            let scheduler = try scene.system.process(of: "scheduler")
            scheduler.send(.kill)
            try await scene.close("without a scheduler")
            try await scene.expect(["without a scheduler"])
            try await scene.system.waitForSuccessor(of: scheduler, "scheduler")
            // What was due just before may be the successor's to decide.
            let repeated = try await scene.system.query(
                """
                SELECT job, at FROM firings
                WHERE decided_at > '\(killed)' AND at < '\(killed)'::timestamptz - interval '2 min'
                """
            )
            #expect(repeated == [])
        }

        @Test func `the ERP is killed, and gets the change when it is back`() async throws {
            let scene = try await Scene.make()
            let erp = try scene.system.process(of: "demo-erp")
            erp.send(.kill)
            try await scene.close("while the ERP was away")
            try await scene.system.waitForSuccessor(of: erp, "demo-erp")
            try await scene.expect(["while the ERP was away"])
            try await scene.expectClosed()
        }

        @Test func `a change in the ERP reaches the devices of its team, and no other`() async throws {
            let scene = try await Scene.make()
            let number = String(scene.number)
            let note = uniqueID("from the office")
            let answer = try await scene.system.erp.send("PATCH", "/work-orders/\(number)", ["notes": .string(note)])
            #expect(answer.status == 200)
            let colleague = try await scene.system.login(scene.cast.colleague)
            let path = "/fieldservice/\(segment(scene.id))"
            try await eventually("the colleague has the note") {
                try await colleague.get(path).json["notes"]?.stringValue == note
            }
            #expect(try await scene.system.login(scene.cast.stranger).get(path).status == 404)
        }
    }
}

/// A technician with a device that has one open work order, which no other test has.
private struct Scene {
    let system: RunningSystem
    let cast: Cast
    let number: String
    let device: Device

    var id: String { "workorder:\(number)" }

    static func make() async throws -> Scene {
        let system = try await RunningSystem.shared
        let cast = try await Cast.of(system)
        try await system.settle()
        let number = try await cast.openOrder(system)
        let device = try await Device(cast.first, system)
        try await device.take("workorder:\(number)", system)
        return Scene(system: system, cast: cast, number: number, device: device)
    }

    /// Closes the work order on the device and pushes it.
    func close(_ note: String) async throws {
        try await device.change(
            id,
            ["status": "closed", "notes": .string(note), "closedAt": "2026-01-02T03:04:05Z"]
        )
        try await device.push()
    }

    /// Waits until the listener's run for the change is in that state.
    func waitForRun(_ state: String) async throws {
        try await eventually("the listener's run is \(state)") {
            try await system.runs(state).contains { $0["cause"] == "listener" }
        }
    }

    /// Waits until all is done, and looks which notes the ERP was given by sequences, in which order: each once.
    func expect(_ notes: [String]) async throws {
        func taken() async throws -> [String] {
            try await system.query(
                "SELECT answer->>'notes' FROM erp.effects WHERE work_order = '\(number)' AND answer IS NOT NULL ORDER BY at",
                of: "erp"
            )
        }
        try await eventually("the ERP has \(notes)", within: .seconds(180)) { try await taken().last == notes.last }
        try await system.settle()
        #expect(try await taken() == notes)
        let order = try await system.erp.get("/work-orders/\(number)").json
        #expect(order["notes"]?.stringValue == notes.last)
        // A pull that had read the ERP before the push, and ended behind it, brings what was; the next one mends it.
        let pull = "/_fullsync/projects/field-service/sequences/pull-mine"
        #expect(try await system.login(cast.first).send("POST", pull, [:]).status == 200)
        let document = try await system.administrator.get("/fieldservice/\(segment(id))?conflicts=true").json
        #expect(document["notes"]?.stringValue == notes.last)
        #expect(document["_conflicts"] == nil)
    }

    /// The ERP has the order closed by who pushed it.
    func expectClosed() async throws {
        let order = try await system.erp.get("/work-orders/\(number)").json
        #expect(order["status"] == "closed")
        #expect(order["closedBy"]?.stringValue == cast.first)
    }
}
