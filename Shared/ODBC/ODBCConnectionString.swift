/// Where a database is and who connects to it, as ODBC's list of keywords and values.
///
/// Its descriptions show the keywords alone: a value may be a password.
package struct ODBCConnectionString: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    private var pairs: [Pair] = []

    private struct Pair: Hashable {
        let keyword: String
        let value: String
    }

    /// Connects by the driver of that name in `odbcinst.ini`; a path is none, so no library can be named.
    package init(driver: String) {
        precondition(!driver.contains("/"), "a driver is named as odbcinst.ini names it")
        self["DRIVER"] = driver
    }

    /// Whether values have types and columns only names of types, as in SQLite: dates are taken as they stand, and what
    /// is declared as decimal is a number.
    package var hasDynamicTypes = false

    package subscript(keyword: String) -> String? {
        get { pairs.first { $0.keyword == keyword }?.value }
        set {
            pairs.removeAll { $0.keyword == keyword }
            if let newValue { pairs.append(Pair(keyword: keyword, value: newValue)) }
        }
    }

    /// The text for `SQLDriverConnect`: values with special characters stand in braces, a closing brace twice.
    ///
    /// Source: <https://learn.microsoft.com/sql/odbc/reference/syntax/sqldriverconnect-function>
    var text: String {
        pairs.map { "\($0.keyword)=\(Self.quoted($0.value))" }.joined(separator: ";") + ";"
    }

    private static func quoted(_ value: String) -> String {
        let isPlain = value.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "-_./: ".utf8.contains(byte)
        }
        guard !isPlain || value.hasPrefix(" ") || value.hasSuffix(" ") else { return value }
        return "{" + value.unicodeScalars.map { $0 == "}" ? "}}" : String($0) }.joined() + "}"
    }

    package var description: String { pairs.map(\.keyword).joined(separator: ", ") }

    package var customMirror: Mirror { Mirror(self, children: ["keywords": description]) }
}
