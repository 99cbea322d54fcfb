import JSON
import Sequences

/// Checks what no file can know alone: that everything that is named exists, and takes what it is given.
struct ProjectChecks {
    let project: Project
    let layout: ProjectLayout
    let symbols: SymbolTable
    /// Where `project.yaml` names the login sequence.
    let loginPosition: SourcePosition
    let problems: ProblemCollector
    /// The files that something is wrong with: what is missing in one of them may be what could not be read.
    private let faulty: Set<String>

    init(
        project: Project,
        layout: ProjectLayout,
        symbols: SymbolTable,
        loginPosition: SourcePosition,
        problems: ProblemCollector
    ) {
        self.project = project
        self.layout = layout
        self.symbols = symbols
        self.loginPosition = loginPosition
        self.problems = problems
        faulty = Set(problems.problems.map(\.file))
    }

    /// Whether all that the file declares is known.
    func isWhole(_ file: String) -> Bool { !faulty.contains(file) }

    func check() {
        checkConnectors()
        checkLogin()
        for listener in project.listeners.values { check(listener) }
        for job in project.jobs.values { check(job) }
        for rule in project.notifications.values { check(rule) }
        for sequence in project.sequences.values {
            SequenceChecks(sequence: sequence, checks: self).check()
        }
        for test in project.tests { check(test) }
        CallCycles(project: project, problems: problems).check()
    }

    private func checkConnectors() {
        for connector in project.connectors.values {
            guard case .fullSync(let fullSync) = connector.kind else { continue }
            checkDatabase(fullSync.database, at: fullSync.position)
        }
    }

    /// Whether the file exists, though it may not be readable; then its own problems say enough.
    private func isDeclared(database name: String) -> Bool { layout.databases[name] != nil }

    private func checkDatabase(_ name: String, at position: SourcePosition) {
        guard !isDeclared(database: name) else { return }
        problems.reportUnknown(
            "there is no database '\(name)'",
            name: name,
            among: layout.databases.keys,
            at: position
        )
    }

    private func checkLogin() {
        guard let login = project.login,
            let sequence = sequence(SequenceReference(sequence: login), at: loginPosition),
            isWhole(sequence.position.file)
        else { return }
        let missing = ["user", "password"].filter { name in !sequence.variables.contains { $0.name == name } }
        if !missing.isEmpty {
            let names = missing.joined(separator: " and ")
            problems.report("the login sequence '\(login)' must take the variables \(names)", at: loginPosition)
        }
        for variable in sequence.variables
        where variable.isRequired && variable.name != "user" && variable.name != "password" {
            problems.report(
                "the login sequence '\(login)' may require user and password only, not '\(variable.name)'",
                at: loginPosition
            )
        }
        if let password = sequence.variables.first(where: { $0.name == "password" }), !password.isSecret {
            problems.report(
                "the login sequence's variable 'password' must be secret",
                at: password.position ?? loginPosition,
                suggestion: "add secret: true"
            )
        }
    }

    private func check(_ listener: Listener) {
        checkDatabase(listener.database, at: listener.positions["database"])
        if case .view(let design, let view) = listener.selection, let database = project.databases[listener.database],
            !database.hasView(view, inDesign: design),
            !faulty.contains(where: { $0.hasPrefix("databases/\(listener.database)/") })
        {
            let known = database.designDocuments.flatMap { name, document in
                (document["views"]?.objectValue?.names ?? [])
                    .filter { database.hasView($0, inDesign: name) }.map { "\(name)/\($0)" }
            }
            problems.reportUnknown(
                "the database '\(listener.database)' has no view '\(design)/\(view)'",
                name: "\(design)/\(view)",
                among: known,
                at: listener.positions["view"]
            )
        }
        let position = listener.positions["sequence"]
        guard let sequence = sequence(listener.sequence, at: position), isWhole(sequence.position.file) else { return }
        guard let variable = sequence.variables.first(where: { $0.name == Listener.variable }), variable.isMulti else {
            problems.report(
                "the sequence '\(listener.sequence)' must take the documents as its variable '\(Listener.variable)'",
                at: position,
                suggestion: "add \(Listener.variable): {type: object, multi: true} to its variables"
            )
            return
        }
        for variable in sequence.variables where variable.isRequired && variable.name != Listener.variable {
            problems.report(
                "the sequence '\(listener.sequence)' requires '\(variable.name)', which a listener does not give",
                at: position
            )
        }
    }

    private func check(_ job: Job) {
        // Of other work a sequence was made, which is checked as those that were written.
        guard case .sequence(let reference) = job.work,
            let sequence = sequence(reference, at: job.positions["sequence"])
        else { return }
        checkUser(job.runAs, of: sequence, at: job.positions["sequence"])
        guard isWhole(sequence.position.file) else { return }
        do {
            _ = try sequence.variables.bind(job.variables)
        } catch {
            problems.report(
                "the sequence '\(reference)' cannot be called so: \(error.message)",
                at: job.positions["with"]
            )
        }
    }

    private func check(_ rule: NotificationRule) {
        guard let sequence = sequence(rule.sequence, at: rule.position) else { return }
        checkUser(rule.runAs, of: sequence, at: rule.position)
    }

    /// A case whose call cannot be made, unless that is what it shows.
    private func check(_ test: TestCase) {
        guard let sequence = sequence(SequenceReference(sequence: test.sequence), at: test.position) else { return }
        if case .failure = test.expectation { return }
        guard isWhole(sequence.position.file), !problems.isPardoned(test.variablesPosition) else { return }
        do {
            _ = try sequence.variables.bind(test.variables)
        } catch {
            problems.report(
                "the sequence '\(test.sequence)' cannot be called so: \(error.message)",
                at: test.position
            )
        }
        if sequence.requiresAuthenticatedUser, test.caller == nil {
            problems.report(
                "the sequence '\(sequence.name)' needs an authenticated user",
                at: test.position,
                suggestion: "add as"
            )
        }
    }

    private func checkUser(_ user: String?, of sequence: SequenceDefinition, at position: SourcePosition) {
        guard sequence.requiresAuthenticatedUser, user == nil else { return }
        problems.report(
            "the sequence '\(sequence.name)' needs an authenticated user",
            at: position,
            suggestion: "add runAs"
        )
    }

    /// The sequence that is named, when it is one of this project; one that does not exist is reported.
    func sequence(_ reference: SequenceReference, at position: SourcePosition) -> SequenceDefinition? {
        guard reference.project == nil || reference.project == project.name else { return nil }
        let names = layout.sequences.map(\.name)
        if !names.contains(reference.sequence) {
            problems.reportUnknown(
                "there is no sequence '\(reference.sequence)'",
                name: reference.sequence,
                among: names,
                at: position
            )
        }
        return project.sequences[reference.sequence]
    }
}
