import Foundation
import JSON
import Testing

@testable import DemoERP

@Suite struct WorkOrderChangeTests {
    private let open = WorkOrderState(status: .open, notes: "", parts: [], closedBy: nil, closedAt: nil)
    private let now = Date(timeIntervalSince1970: 1_795_000_000.25)

    @Test func `closing sets the moment when the request does not`() throws {
        let change = try WorkOrderChange(["status": "closed", "closedBy": "anna.berg"])
        let closed = change.applied(to: open, now: now)
        #expect(closed.closedAt == "2026-11-18T11:06:40.250Z")
        #expect(closed.closedBy == "anna.berg")
    }

    @Test func `what is not named stays, and the same request again changes nothing`() throws {
        let change = try WorkOrderChange(["notes": "Seal replaced.", "parts": [["part": "P-0001", "quantity": 2]]])
        let once = change.applied(to: open, now: now)
        #expect(once.status == .open)
        #expect(once.parts == [UsedPart(part: "P-0001", quantity: 2)])
        #expect(change.applied(to: once, now: .distantFuture) == once)
    }

    @Test func `opening again takes away who closed and when`() throws {
        let closed = WorkOrderState(status: .closed, notes: "", parts: [], closedBy: "a", closedAt: "x")
        let change = try WorkOrderChange(["status": "open"])
        #expect(change.applied(to: closed, now: now) == open)
    }

    @Test func `one moment has one way of writing`() throws {
        for text in ["2026-11-23T10:00:00Z", "2026-11-23T10:00:00.000Z", "2026-11-23T11:00:00+01:00"] {
            let change = try WorkOrderChange(["closedAt": .string(text)])
            #expect(change.closedAt == "2026-11-23T10:00:00.000Z", "\(text)")
        }
    }

    @Test(
        arguments: [
            ("title", "x"), ("status", "done"), ("status", nil), ("notes", 1), ("notes", "a\0b"), ("parts", "P-0001"),
            ("parts", [["part": "P-0001"]]), ("parts", [["part": "P-0001", "quantity": 0]]),
            ("parts", [["part": "P-0001", "quantity": 1.5]]), ("closedBy", 1), ("closedAt", "yesterday"),
        ] as [(String, JSONValue)]
    )
    func `a member that is wrong is named`(name: String, value: JSONValue) {
        #expect {
            try WorkOrderChange([name: value])
        } throws: { error in
            guard case .invalid(member: name, reason: _) = error as? APIError else { return false }
            return true
        }
    }
}
