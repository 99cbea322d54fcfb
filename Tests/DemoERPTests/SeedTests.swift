import Foundation
import JSON
import Testing

@testable import DemoERP

@Suite struct SeedTests {
    private let plan = SeedPlan()

    @Test func `the plan is the same every time`() {
        #expect(SeedPlan().workOrders == plan.workOrders)
        #expect(SeedPlan().customers == plan.customers)
    }

    @Test func `fifty technicians in five teams have different logins`() {
        #expect(Set(plan.technicians.map { $0["login"] }).count == 50)
        let teams = Dictionary(grouping: plan.technicians) { $0["team"] }
        #expect(teams.values.map(\.count) == [10, 10, 10, 10, 10])
    }

    @Test func `every work order is of its customer's team, and so is its technician`() {
        let technicians = Dictionary(uniqueKeysWithValues: plan.technicians.map { ($0["login"], $0["team"]) })
        let customers = Dictionary(uniqueKeysWithValues: plan.customers.map { ($0["id"], $0["team"]) })
        #expect(plan.workOrders.count == 2_000)
        for order in plan.workOrders {
            #expect(technicians[order["technician"]] == order["team"])
            #expect(customers[order["customer"]] == order["team"])
        }
    }

    @Test func `the ISO tables give more than twelve thousand entries, no two alike`() throws {
        let entries = try ISOTables(folder: URL(fileURLWithPath: "/usr/share/iso-codes/json", isDirectory: true))
            .entries()
        #expect(entries.count > 12_000)
        #expect(
            Set(entries.map { "\($0["kind"]?.stringValue ?? ""):\($0["code"]?.stringValue ?? "")" }).count
                == entries.count
        )
    }

    @Test func `a table that is missing is named, with the setting that says where it is`() {
        #expect {
            try ISOTables(folder: URL(fileURLWithPath: "/nowhere", isDirectory: true)).entries()
        } throws: { error in
            "\(error)".contains("/nowhere/iso_639-3.json") && "\(error)".contains("FULLSYNC_ERP_ISO_CODES")
        }
    }

    @Test func `a password matches its hash and no other does`() {
        let hash = PasswordHash("anna.berg-2026", salt: Array(0..<16), rounds: 1_000)
        #expect(hash.bytes.count == 32)
        #expect(hash.matches("anna.berg-2026"))
        #expect(!hash.matches("anna.berg-2027"))
        #expect(!PasswordHash(salt: [], rounds: 1_000, bytes: []).matches(""))
        #expect(
            PasswordHash("x", salt: Array(1..<17), rounds: 1_000)
                != PasswordHash("x", salt: Array(0..<16), rounds: 1_000)
        )
    }
}
