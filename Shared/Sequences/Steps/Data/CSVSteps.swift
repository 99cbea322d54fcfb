import JSON

/// `parseCSV: text`, `separator: ","`, `header: true`, `as: name`: the rows of a table.
///
/// The first row names the members of the others, which become objects; with `header: false` each row is a list. All
/// fields are texts.
struct ParseCSVStep: ValueStep {
    static let keyword = "parseCSV"

    let input: Template
    let format: CSVText
    let hasHeader: Bool
    let resultName: String

    init?(reading members: inout StepMembers) {
        input = Template(members.value())
        format = CSVText(separator: members.separator())
        hasHeader = members.flag("header", default: true)
        guard let name = members.resultName() else { return nil }
        resultName = name
    }

    func result(of input: JSONValue, at site: StepSite, of execution: Execution) throws(SequenceFailure) -> JSONValue {
        let text = try input.text(for: "'parseCSV'")
        var rows: ArraySlice<(line: Int, fields: [String])>
        do throws(CSVText.Problem) {
            rows = try format.rows(of: text)[...]
        } catch {
            throw Self.failure(error.line, error.reason)
        }
        guard hasHeader else { return .array(rows.map { .array($0.fields.map(JSONValue.string)) }) }
        guard let header = rows.popFirst() else { return [] }
        guard Set(header.fields).count == header.fields.count else {
            throw Self.failure(header.line, "two columns have the same name")
        }
        var objects: [JSONValue] = []
        for row in rows {
            guard row.fields.count == header.fields.count else {
                let (fields, columns) = (row.fields.count, header.fields.count)
                let reason =
                    (fields == 1 ? "there is 1 field" : "there are \(fields) fields")
                    + (columns == 1 ? " for 1 column" : " for \(columns) columns")
                throw Self.failure(row.line, reason)
            }
            objects.append(.object(JSONObject(zip(header.fields, row.fields.map(JSONValue.string)).map { ($0, $1) })))
        }
        return .array(objects)
    }

    private static func failure(_ line: Int, _ reason: String) -> SequenceFailure {
        SequenceFailure(
            code: .invalidValue,
            message: "line \(line) of the table: \(reason)",
            details: ["line": .number(JSONNumber(line))]
        )
    }
}

/// `writeCSV: rows`, `columns: [name, …]`, `separator: ","`, `header: true`, `as: name`: the text of a table.
///
/// A row is an object, or a list of fields. Without `columns` they are all members of the objects, in the order in
/// which they come.
struct WriteCSVStep: ValueStep {
    static let keyword = "writeCSV"

    let input: Template
    let format: CSVText
    let hasHeader: Bool
    let resultName: String

    init?(reading members: inout StepMembers) {
        let rows = Template(members.value())
        input = .list([rows, members.template("columns") ?? .literal(.null)])
        format = CSVText(separator: members.separator())
        hasHeader = members.flag("header", default: true)
        guard let name = members.resultName() else { return nil }
        resultName = name
    }

    func result(of input: JSONValue, at site: StepSite, of execution: Execution) throws(SequenceFailure) -> JSONValue {
        let operands = input.arrayValue ?? []
        let rows = try (operands.first ?? .null).list(for: "'writeCSV'")
        let columns = try columns(operands.last ?? .null, rows)
        // Each field has at least its separator. Rows with members of their own would take memory before they are text.
        guard (columns?.count ?? 0) * rows.count <= execution.limits.valueSize else {
            throw SequenceFailure(
                code: .limit,
                message: "\(rows.count) rows of \(columns?.count ?? 0) columns are more than a value may be"
            )
        }
        var table: [[String]] = hasHeader && columns != nil ? [columns ?? []] : []
        for (index, row) in rows.enumerated() {
            switch row {
            case .array(let fields): table.append(fields.map(Self.field))
            case .object(let members): table.append((columns ?? []).map { Self.field(members[$0] ?? .null) })
            default:
                throw SequenceFailure(
                    code: .invalidValue,
                    message: "row \(index + 1) must be an object or a list, found \(row.typeName)"
                )
            }
        }
        return .string(format.text(of: table))
    }

    private func columns(_ said: JSONValue, _ rows: [JSONValue]) throws(SequenceFailure) -> [String]? {
        guard said.isNull else {
            let names = try said.list(for: "'columns'")
            let texts = names.compactMap(\.stringValue)
            guard texts.count == names.count else {
                throw SequenceFailure(code: .invalidValue, message: "'columns' needs a list of names")
            }
            return texts
        }
        var (columns, seen): ([String], Set<ExactText>) = ([], [])
        let objects = rows.compactMap(\.objectValue)
        for name in objects.lazy.flatMap(\.names) where seen.insert(ExactText(name)).inserted { columns.append(name) }
        return objects.isEmpty ? nil : columns
    }

    /// Null is nothing, a text itself, and anything else its JSON.
    private static func field(_ value: JSONValue) -> String {
        value.isNull ? "" : value.stringValue ?? value.text
    }
}

extension StepMembers {
    /// The character between the fields of a table.
    fileprivate mutating func separator() -> UInt8 {
        guard let node = node("separator") else { return UInt8(ascii: ",") }
        let bytes = Array((node.string ?? "").utf8)
        guard bytes.count == 1, bytes[0] < 0x80, ![0x22, 0x0A, 0x0D].contains(bytes[0]) else {
            problems.report("'separator' must be one ASCII character, no quotation mark or line end", at: node.position)
            return UInt8(ascii: ",")
        }
        return bytes[0]
    }
}
