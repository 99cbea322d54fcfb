import Foundation
import JSON

/// The tables of Debian's package iso-codes: languages, countries, subdivisions, currencies, scripts.
struct ISOTables {
    /// Why a table cannot be used.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// A table: its standard, which is the name of file and member, what it lists, and the member with the code.
    private static let tables = [
        ("639-3", "language", "alpha_3"), ("3166-1", "country", "alpha_2"), ("3166-2", "subdivision", "code"),
        ("4217", "currency", "alpha_3"), ("15924", "script", "alpha_4"),
    ]

    let folder: URL

    /// All entries: kind, code, name, and the entry as it stands in the table.
    func entries() throws -> [JSONObject] {
        try Self.tables.flatMap { standard, kind, codeMember in
            try table(standard).map { entry in
                guard let code = entry[codeMember], let name = entry["name"], let data = entry.objectValue else {
                    throw Failure(description: "ISO \(standard): an entry lacks '\(codeMember)' or 'name'")
                }
                return ["kind": .string(kind), "code": code, "name": name, "data": .object(data)]
            }
        }
    }

    private func table(_ standard: String) throws -> [JSONValue] {
        let file = folder.appendingPathComponent("iso_\(standard).json")
        let bytes: Data
        do {
            bytes = try Data(contentsOf: file)
        } catch {
            throw Failure(
                description: "\(file.path) cannot be read; it is part of Debian's package iso-codes, "
                    + "and FULLSYNC_ERP_ISO_CODES names its folder"
            )
        }
        guard let entries = try JSONValue(parsing: Array(bytes))[standard]?.arrayValue else {
            throw Failure(description: "\(file.path) has no list '\(standard)'")
        }
        return entries
    }
}
