import Sequences

/// The files of a project by what they declare.
///
/// Texts beside them (`README.md`, hidden files) are let be; a YAML or JavaScript file in a place that means nothing
/// is a problem, because its author thinks that it does something.
struct ProjectLayout {
    /// The files of one database.
    struct DatabaseFiles {
        var settings: String?
        /// The paths within each design document's folder.
        var designs: [String: [String]] = [:]
        /// A file of the database, for problems that no other place is known for.
        var anyFile: String
    }

    private(set) var connectors: [(name: String, file: String)] = []
    private(set) var sequences: [(name: String, file: String)] = []
    private(set) var listeners: [(name: String, file: String)] = []
    private(set) var jobs: [(name: String, file: String)] = []
    private(set) var tests: [(name: String, file: String)] = []
    private(set) var scripts: [(name: String, file: String)] = []
    private(set) var databases: [String: DatabaseFiles] = [:]

    private static let folders = ["connectors", "sequences", "listeners", "jobs", "tests", "scripts", "databases"]

    init(paths: [String], problems: ProblemCollector) {
        for path in paths where path != ProjectReader.mainFile { add(path, problems) }
    }

    private mutating func add(_ path: String, _ problems: ProblemCollector) {
        let position = SourcePosition(file: path, line: 1, column: 1)
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard !parts.contains(where: { $0.isEmpty || $0 == ".." || $0 == "." }) else {
            problems.report("is no path within the project", at: position)
            return
        }
        guard let file = parts.last, !parts.contains(where: { $0.hasPrefix(".") }) else { return }
        let isYAML = file.hasSuffix(".yaml")
        guard isYAML || file.hasSuffix(".js") || file.hasSuffix(".yml") else { return }
        if file.hasSuffix(".yml") {
            problems.report("is not read", at: position, suggestion: "rename it to \(file.dropLast(4)).yaml")
            return
        }
        if parts[0] == "databases", parts.count >= 3 {
            addDatabaseFile(path, parts, problems)
            return
        }
        let isScript = parts[0] == "scripts"
        let name = String(file.dropLast(isYAML ? 5 : 3))
        guard parts.count == 2, isYAML != isScript, parts[0] != "databases", Self.folders.contains(parts[0]) else {
            reportPlace(parts, at: position, problems)
            return
        }
        guard Names.isThing(name) else {
            problems.report(
                "'\(name)' is no name: letters, digits, '-' and '_' only, a letter first",
                at: position
            )
            return
        }
        switch parts[0] {
        case "connectors": connectors.append((name, path))
        case "sequences": sequences.append((name, path))
        case "listeners": listeners.append((name, path))
        case "tests": tests.append((name, path))
        case "scripts": scripts.append((name, path))
        default: jobs.append((name, path))
        }
    }

    private func reportPlace(_ parts: [String], at position: SourcePosition, _ problems: ProblemCollector) {
        let places = "connectors/, sequences/, listeners/, jobs/, tests/, scripts/ and databases/<name>/"
        var suggestion: String?
        if parts.count > 1, !Self.folders.contains(parts[0]) {
            suggestion = nearestName(to: parts[0], among: Self.folders).map { "did you mean '\($0)/'?" }
        } else if parts.count == 1, let near = nearestName(to: parts[0], among: [ProjectReader.mainFile]) {
            suggestion = "did you mean '\(near)'?"
        }
        problems.report("is not read: files belong in \(places)", at: position, suggestion: suggestion)
    }

    private mutating func addDatabaseFile(_ path: String, _ parts: [String], _ problems: ProblemCollector) {
        let name = parts[1]
        let position = SourcePosition(file: path, line: 1, column: 1)
        guard DatabaseName.isValid(name) else {
            problems.report(
                "'\(name)' is no name of a database: lower-case letters, digits and _$()+-, a letter first",
                at: position
            )
            return
        }
        var database = databases[name] ?? DatabaseFiles(anyFile: path)
        if parts.count == 3, parts[2] == "database.yaml" {
            database.settings = path
        } else if parts.count >= 5, parts[2] == "design" {
            database.designs[parts[3], default: []].append(parts[4...].joined(separator: "/"))
        } else {
            let suggestion = nearestName(to: parts[2], among: ["database.yaml", "design"]).map {
                "did you mean '\($0)'?"
            }
            problems.report(
                "is not read: a database has database.yaml and design/<document>/…",
                at: position,
                suggestion: suggestion
            )
        }
        databases[name] = database
    }
}

/// CouchDB's rule for the names of databases.
enum DatabaseName {
    static func isValid(_ name: String) -> Bool {
        guard let first = name.utf8.first, (0x61...0x7A).contains(first), name.utf8.count <= 200 else { return false }
        return name.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || "_$()+-".utf8.contains(byte)
        }
    }
}
