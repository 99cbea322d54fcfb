/// Text in aligned columns, each row a line.
struct Table {
    private let rows: [[String]]
    private let paint: Paint

    init(_ header: [String], _ rows: [[String]], paint: Paint = .standard) {
        self.rows = [header] + rows.map { $0.map(\.printable) }
        self.paint = paint
    }

    var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.enumerated().map { number, row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            let line = cells.joined(separator: "  ")
            let text = String(line.reversed().drop { $0 == " " }.reversed())
            return number == 0 ? paint.heading(text) : text
        }.joined(separator: "\n")
    }
}
