import JSON
import Testing

extension ChangesCheck {
    static let lists = [
        ChangesCheck(name: "a list is written as CouchDB writes it") { database in
            try await database.fill()
            let answer = try await database.get("/_changes")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/json")
            #expect(answer.headers["cache-control"] == "must-revalidate")
            #expect(answer.headers["content-encoding"] == nil)
            #expect(answer.ids == ["a", "c", "b", "gone"])
            let rows = answer.lines
            #expect(rows.first == #"{"results":["#)
            try #require(rows.count >= 8)
            #expect(rows[1].hasPrefix(#"{"seq":""#) && rows[1].contains(#"","id":"a","changes":[{"rev":"1-"#))
            #expect(rows[1].hasSuffix("\"}]},\r"))
            #expect(rows[4].hasSuffix(#""}],"deleted":true}"#))
            #expect(rows[5] == "],")
            #expect(rows[6].hasPrefix(#""last_seq":""#) && rows[6].hasSuffix(#"","pending":0}"#))
            // One line feed at the end here, and two of CouchDB 3.5.
            #expect(rows.dropFirst(7).joined().isEmpty)
            #expect(try await database.post("/_changes", [:]).ids == answer.ids)
        },
        ChangesCheck(name: "an empty list is one, too") { database in
            let answer = try await database.get("/_changes")
            #expect(answer.text.hasPrefix("{\"results\":[\n\n],\n\"last_seq\":"))
            #expect(answer.json["pending"] == 0)
        },
        ChangesCheck(name: "pages say how many rows are still to come") { database in
            try await database.fill()
            let first = try await database.get("/_changes?limit=1")
            #expect(first.ids == ["a"])
            #expect(first.json["pending"] == 3)
            let second = try await database.get("/_changes?limit=2&since=\(first.lastSequence)")
            #expect(second.ids == ["c", "b"])
            #expect(second.json["pending"] == 1)
            let last = try await database.get("/_changes?limit=9&since=\(second.lastSequence)")
            #expect(last.ids == ["gone"])
            #expect(last.json["pending"] == 0)
            #expect(try await database.get("/_changes?since=\(last.lastSequence)").ids.isEmpty)
        },
        ChangesCheck(name: "a limit of 0 is one of 1") { database in
            try await database.fill()
            #expect(try await database.get("/_changes?limit=0").ids == ["a"])
        },
        ChangesCheck(name: "each row says a place from which to go on") { database in
            try await database.fill()
            let rows = try await database.get("/_changes").json["results"]?.arrayValue ?? []
            for (index, row) in rows.enumerated() {
                let since = try #require(row["seq"]?.sinceText)
                #expect(try await database.get("/_changes?since=\(since)").ids.count == 3 - index)
                // PouchDB sends it back as JSON.
                #expect(try await database.get("/_changes?since=%22\(since)%22").ids.count == 3 - index)
            }
        },
        ChangesCheck(name: "now is the end") { database in
            try await database.fill()
            let answer = try await database.get("/_changes?since=now")
            #expect(answer.ids.isEmpty)
            #expect(answer.json["pending"] == 0)
            try await database.put("d")
            #expect(try await database.get("/_changes?since=\(answer.lastSequence)").ids == ["d"])
        },
        ChangesCheck(name: "a descending list has the newest first") { database in
            try await database.fill()
            #expect(try await database.get("/_changes?descending=true").ids == ["gone", "b", "c", "a"])
            let newest = try await database.get("/_changes?descending=true&limit=1")
            #expect(newest.ids == ["gone"])
            #expect(newest.json["last_seq"] == newest.json["results"]?.arrayValue?.first?["seq"])
            let place = try newest.lastSequence
            #expect(try await database.get("/_changes?since=\(place)").ids.isEmpty)
        },
        ChangesCheck(name: "documents come with their rows, tombstones as such") { database in
            try await database.fill()
            let rows = try await database.get("/_changes?include_docs=true").json["results"]?.arrayValue ?? []
            #expect(rows.compactMap { $0["doc"]?["n"]?.intValue } == [1, 3, 4])
            let gone = try #require(rows.last?["doc"]?.objectValue)
            #expect(gone["_deleted"] == true)
            #expect(Set(gone.names) == ["_id", "_rev", "_deleted"])
            for row in rows { #expect(row["doc"]?["_rev"] == row["changes"]?.arrayValue?.first?["rev"]) }
        },
        ChangesCheck(name: "conflicts are named where they are asked for") { database in
            try await database.graft(
                ["_id": "a", "_rev": "2-bb", "_revisions": ["start": 2, "ids": ["bb", "aa"]]],
                ["_id": "a", "_rev": "2-cc", "_revisions": ["start": 2, "ids": ["cc", "aa"]]],
                ["_id": "a", "_rev": "2-dd", "_revisions": ["start": 2, "ids": ["dd", "aa"]], "_deleted": true]
            )
            let plain = try await database.get("/_changes?include_docs=true").json["results"]?.arrayValue?.first
            #expect(plain?["changes"] == [["rev": "2-cc"]])
            #expect(plain?["doc"]?["_conflicts"] == nil)
            let conflicts = try await database.get("/_changes?include_docs=true&conflicts=true&style=all_docs").json
            let row = conflicts["results"]?.arrayValue?.first
            #expect(row?["changes"] == [["rev": "2-cc"], ["rev": "2-bb"], ["rev": "2-dd"]])
            #expect(row?["doc"]?["_conflicts"] == ["2-bb"])
        },
        ChangesCheck(name: "places are left out between the intervals, counted from the end") { database in
            for number in 0..<7 { try await database.put("d\(number)") }
            let rows = try await database.get("/_changes?limit=5&seq_interval=2").json["results"]?.arrayValue ?? []
            #expect(rows.map { $0["seq"]?.isNull ?? false } == [true, false, true, false, true])
            let page = try await database.get("/_changes?limit=4&seq_interval=4")
            let first = page.json["results"]?.arrayValue?.map { $0["seq"]?.isNull ?? false }
            #expect(first == [false, true, true, true])
            #expect(try await database.get("/_changes?since=\(page.lastSequence)").ids.count == 3)
        },
    ]
}
