import CouchProtocol
import JSON
import ScriptHosting

/// Finds out whether the functions of a design document compile, before it is stored.
struct DesignCheck: Sendable {
    let scripts: ScriptHostPool

    /// A function that has to compile, and what errors call it.
    private struct Function {
        let source: ScriptSource
        let description: String
    }

    /// Refuses a design document that cannot be stored.
    ///
    /// As in CouchDB, the functions of a language that is not known here are let pass.
    ///
    /// - Parameter onlyViews: Whether maps and reduces alone are compiled, which is all that CouchDB does: what it
    ///   took, replication must be able to bring here.
    func check(_ design: DesignDocument, onlyViews: Bool) async throws(CouchError) {
        try DesignShape.check(design.members)
        guard design.isJavaScript else { return }
        try await compile(try Self.viewFunctions(of: design), library: design.viewLibrary)
        guard !onlyViews else { return }
        try await compile(Self.otherFunctions(of: design), library: design.library)
    }

    private func compile(_ functions: [Function], library: JSONObject) async throws(CouchError) {
        guard !functions.isEmpty else { return }
        guard functions.count <= Self.functionLimit else {
            throw .tooManyFunctions(limit: Self.functionLimit)
        }
        do throws(ScriptError) {
            try await scripts.check(ScriptFunctions(functions.map(\.source), library: library))
        } catch {
            guard error.kind != .unavailable, error.kind != .cancelled, error.kind != .protocolViolation else {
                throw CouchError(error)
            }
            let description = functions.first { $0.source.name == error.function }?.description ?? "a"
            throw CouchError(
                status: 400,
                error: "compilation_error",
                reason: "Compilation of \(description) failed: \(error)"
            )
        }
    }

    private static let functionLimit = 10_000

    private static func viewFunctions(of design: DesignDocument) throws(CouchError) -> [Function] {
        var functions: [Function] = []
        for (name, view) in design.members["views"]?.objectValue ?? [:] where name != "lib" {
            for kind in ["map", "reduce"] {
                guard let text = view[kind]?.stringValue else { continue }
                if kind == "reduce", text.hasPrefix("_") {
                    try ReduceName.check(text)
                    continue
                }
                functions.append(
                    Function(
                        source: ScriptSource(name: "\(design.id.text)/views/\(name)/\(kind)", text: text),
                        description: "the \(kind) function in the '\(name)' view"
                    )
                )
            }
        }
        return functions
    }

    private static func otherFunctions(of design: DesignDocument) -> [Function] {
        var functions: [Function] = []
        for (member, kind) in [("filters", "filter"), ("updates", "update")] {
            for (name, function) in design.members[member]?.objectValue ?? [:] {
                guard let text = function.stringValue else { continue }
                functions.append(
                    Function(
                        source: ScriptSource(name: "\(design.id.text)/\(member)/\(name)", text: text),
                        description: "the \(kind) function '\(name)'"
                    )
                )
            }
        }
        if let source = design.validation?.sources.first {
            functions.append(Function(source: source, description: "the validate_doc_update function"))
        }
        return functions
    }
}

extension CouchError {
    fileprivate static func tooManyFunctions(limit: Int) -> CouchError {
        CouchError(
            status: 400,
            error: "invalid_design_doc",
            reason: "A design document may have \(limit) functions at most."
        )
    }
}
