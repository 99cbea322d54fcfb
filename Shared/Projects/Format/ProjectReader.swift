import JSON
import Sequences

/// Reads the files of a project: sorts them by what they declare, reads each kind, then checks the whole.
struct ProjectReader {
    let files: [String: String]
    let limits: ProjectLimits
    let problems: ProblemCollector
    var symbols = SymbolTable()

    /// The file that every project has.
    static let mainFile = "project.yaml"

    init(files: [String: String], limits: ProjectLimits, problems: ProblemCollector) {
        self.files = files
        self.limits = limits
        self.problems = problems
    }

    /// The project, or nil when it cannot even be named; either way with problems reported.
    mutating func read(symbol lookup: Symbol.Lookup, substitute: Symbol.Substitute?) -> Project? {
        guard checkSizes() else { return nil }
        let layout = ProjectLayout(paths: files.keys.sorted(), problems: problems)
        guard let main = node(Self.mainFile) else {
            if files[Self.mainFile] == nil {
                problems.report("the project has no project.yaml", at: start(of: Self.mainFile))
            }
            return nil
        }
        guard var members = SourceMembers(main, subject: "a project", problems: problems) else { return nil }
        let declared = readMain(&members)
        // Before all other files, whose texts they stand in.
        symbols = SymbolTable(declared.symbols, lookup: lookup, substitute: substitute, problems: problems)
        guard let name = declared.name else { return nil }

        var project = Project(name: name, digest: ProjectDigest.hexadecimal(of: files))
        project.description = declared.description
        project.symbols = symbols.visibleValues
        project.login = declared.login
        project.notifications = declared.notifications

        for (name, file) in layout.connectors { project.connectors[name] = readConnector(name, file: file) }
        for (name, file) in layout.sequences {
            project.sequences[name] = readSequence(name, file: file, project: project.name)
        }
        for (name, file) in layout.listeners { project.listeners[name] = readListener(name, file: file) }
        let grouped = membersOfGroups(layout)
        for (name, file) in layout.jobs {
            project.jobs[name] = readJob(name, file: file, isMember: grouped.contains(name))
        }
        for sequence in sequencesOfJobs(in: project, layout) { project.sequences[sequence.name] = sequence }
        for (name, file) in layout.scripts { project.modules[name] = .string(files[file] ?? "") }
        for (name, file) in layout.tests { project.tests += readTests(name, file: file) }
        for (name, database) in layout.databases { project.databases[name] = readDatabase(name, files: database) }

        let checks = ProjectChecks(
            project: project,
            layout: layout,
            symbols: symbols,
            loginPosition: members.position(of: "login"),
            problems: problems
        )
        checks.check()
        return project
    }

    /// What `project.yaml` says.
    struct MainFile {
        let name: String?
        let description: String?
        let symbols: [Symbol]
        let login: String?
        let notifications: [String: NotificationRule]
    }

    /// Reads `project.yaml`.
    func readMain(_ members: inout SourceMembers) -> MainFile {
        let file = MainFile(
            name: readName(&members),
            description: members.text("description"),
            symbols: readSymbols(&members),
            login: members.text("login"),
            notifications: readNotifications(&members)
        )
        members.finish()
        return file
    }

    /// The value of a YAML file, or nil when it cannot be read, which is reported.
    func node(_ file: String) -> SourceNode? {
        if problems.probes != nil { return SourceNode(.scalar(.null), at: start(of: file)) }
        guard let text = files[file] else { return nil }
        var source = YAMLSource(file: file, text: text, symbols: symbols, problems: problems)
        return source.read()
    }

    /// The members of a YAML file that declares one thing.
    func members(of file: String, subject: String) -> SourceMembers? {
        node(file).flatMap { SourceMembers($0, subject: subject, problems: problems) }
    }

    /// The first place in a file.
    func start(of file: String) -> SourcePosition { SourcePosition(file: file, line: 1, column: 1) }

    private func checkSizes() -> Bool {
        guard files.count <= limits.files else {
            problems.report("the project has more than \(limits.files) files", at: start(of: Self.mainFile))
            return false
        }
        var total = 0
        for (path, text) in files {
            total += text.utf8.count
            if text.utf8.count > limits.fileSize {
                problems.report("the file has more than \(limits.fileSize) bytes", at: start(of: path))
            }
        }
        if total > limits.totalSize {
            problems.report("the project has more than \(limits.totalSize) bytes", at: start(of: Self.mainFile))
        }
        return problems.problems.isEmpty
    }

    private func readName(_ members: inout SourceMembers) -> String? {
        guard let name = members.text("project", required: "the project's name") else { return nil }
        guard Names.isThing(name) else {
            problems.report(
                "a project's name has letters, digits, '-' and '_' only, a letter first",
                at: members.position(of: "project")
            )
            return nil
        }
        return name
    }

    private func readSymbols(_ members: inout SourceMembers) -> [Symbol] {
        var result: [Symbol] = []
        for member in members.mapping("symbols") ?? [] {
            guard Names.isVariable(member.name) else {
                problems.report("'\(member.name)' is no name for a symbol (letters, digits and _)", at: member.position)
                continue
            }
            var symbol = Symbol(name: member.name, isSecret: false, position: member.position)
            guard var reader = SourceMembers(member.node, subject: "a symbol", problems: problems) else {
                symbol.isFaulty = true
                result.append(symbol)
                continue
            }
            symbol.description = reader.text("description")
            // What its author means by a word that is none is rather that nobody shall see it.
            symbol.isSecret = reader.flag("secret", default: reader.has("secret"))
            if let standard = reader.take("default")?.node {
                if case .scalar(let value) = standard.content, !value.isNull {
                    symbol.defaultValue = value
                } else {
                    reader.reportType(of: "default", expected: "a text, number or boolean", found: standard)
                    symbol.isFaulty = true
                }
            }
            reader.finish()
            if symbol.isSecret, symbol.defaultValue != nil {
                problems.report("a secret symbol may not have a default", at: reader.position(of: "default"))
            }
            result.append(symbol)
        }
        return result
    }
}
