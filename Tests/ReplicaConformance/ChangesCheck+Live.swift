import JSON
import Testing

extension ChangesCheck {
    static let live = [
        ChangesCheck(name: "a longpoll answers what is there, and waits when there is nothing") { database in
            try await database.put("a")
            let first = try await database.get("/_changes?feed=longpoll&timeout=60000")
            #expect(first.ids == ["a"])
            let path = "/_changes?feed=longpoll&timeout=60000&since=\(try first.lastSequence)"
            async let second = database.get(path)
            try await database.put("b")
            #expect(try await second.ids == ["b"])
            let vain = try await database.get("/_changes?feed=longpoll&timeout=100&since=now")
            #expect(vain.ids.isEmpty)
            #expect(vain.json["pending"] == 0)
        },
        ChangesCheck(name: "a continuous feed has a row a line, and signs of life") { database in
            try await database.put("a")
            var ids: [String] = []
            var signs = 0
            try await database.follow("/_changes?feed=continuous&heartbeat=200", headers: []) { line in
                guard !line.isEmpty else {
                    signs += 1
                    if signs == 2 { try await database.put("b") }
                    return true
                }
                let row = try JSONValue(parsing: line)
                #expect(row.objectValue?.names == ["seq", "id", "changes"])
                ids.append(row["id"]?.stringValue ?? "")
                return ids.count < 2
            }
            #expect(ids == ["a", "b"])
            #expect(signs >= 2)
        },
        ChangesCheck(name: "a continuous feed ends with its limit or its time, and says where") { database in
            try await database.fill()
            for (query, count) in [("limit=2&timeout=60000", 2), ("timeout=100", 4)] {
                let answer = try await database.get("/_changes?feed=continuous&\(query)")
                let lines = try answer.lines.filter { !$0.isEmpty }.map { try JSONValue(parsing: $0) }
                let ids = lines.dropLast().compactMap { $0["id"]?.stringValue }
                #expect(ids == Array(["a", "c", "b", "gone"].prefix(count)))
                #expect(lines.last?["pending"] == .number(JSONNumber(4 - count)))
                let end = try #require(lines.last?["last_seq"]?.sinceText)
                #expect(try await database.get("/_changes?since=\(end)").ids.count == 4 - count)
            }
        },
        ChangesCheck(name: "live is another word for continuous") { database in
            try await database.put("a")
            let answer = try await database.get("/_changes?feed=live&limit=1")
            #expect(try JSONValue(parsing: answer.lines[0])["id"] == "a")
        },
        ChangesCheck(name: "a filtered feed wakes for what its filter lets through alone") { database in
            try await database.put("a", ["n": 1])
            var ids: [String] = []
            try await database.follow(
                "/_changes?feed=continuous&since=now&filter=_doc_ids&doc_ids=%5B%22a%22,%22c%22%5D&heartbeat=200",
                headers: []
            ) { line in
                guard !line.isEmpty else {
                    guard ids.isEmpty else { return true }
                    for id in ["b", "c"] where try await database.get("/\(id)").status == 404 {
                        try await database.put(id)
                    }
                    return true
                }
                ids.append(try JSONValue(parsing: line)["id"]?.stringValue ?? "")
                return false
            }
            #expect(ids == ["c"])
        },
        ChangesCheck(name: "events are as browsers read them, and a browser that comes back goes on") { database in
            try await database.put("a")
            let answer = try await database.get("/_changes?feed=eventsource&limit=1")
            #expect(answer.headers["content-type"] == "text/event-stream")
            #expect(answer.headers["cache-control"] == "no-cache")
            let data = try #require(answer.lines.first { $0.hasPrefix("data: {") })
            let row = try JSONValue(parsing: String(data.dropFirst("data: ".count)))
            #expect(row["id"] == "a")
            let id = try #require(answer.lines.first { $0.hasPrefix("id: ") }).dropFirst("id: ".count)
            #expect(try JSONValue(parsing: String(id)) == row["seq"])
            #expect(answer.text.hasSuffix("\n\n"))
            try await database.put("b")
            var events: [String] = []
            let back = [("Last-Event-ID", String(id))]
            try await database.follow("/_changes?feed=eventsource&since=0&heartbeat=200", headers: back) { line in
                if !line.isEmpty { events.append(line) }
                // One that comes before the rows is of a server that took its time to read them.
                return !(line.hasPrefix("event: heartbeat") && events.contains { $0.contains(#""id":"b""#) })
            }
            #expect(events.filter { $0.hasPrefix("data: {") }.count == 1)
            #expect(events.contains { $0.contains(#""id":"b""#) })
        },
    ]
}
