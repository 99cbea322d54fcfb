import CouchProtocol
import DesignFunctions
import Projects
import ScriptHosting

extension ScriptHostPool {
    /// What is no JavaScript about each of a project's scripts, which are parsed and never run.
    ///
    /// One that several hosts come to no end with, or have no memory for, is at fault, too.
    ///
    /// - Throws: 503 when no host can say.
    func faults(of scripts: [ProjectScript]) async throws -> [ProjectScript.Fault?] {
        var faults: [ProjectScript.Fault?] = []
        for script in scripts {
            do throws(ScriptError) {
                let fault = try await fault(in: script.text, as: SourceForm(script.form))
                faults.append(fault.map { ProjectScript.Fault(line: $0.line, message: $0.message) })
            } catch {
                throw CouchError(error)
            }
        }
        return faults
    }
}

extension SourceForm {
    fileprivate init(_ form: ProjectScript.Form) {
        switch form {
        case .expression: self = .expression
        case .statements: self = .statements
        case .function: self = .function
        case .module: self = .module
        }
    }
}
