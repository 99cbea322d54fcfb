import CouchProtocol
import DesignFunctions
import Projects
import ScriptHosting

extension ScriptHostPool {
    /// What is no JavaScript about each of a project's scripts, which are parsed and never run.
    ///
    /// One that a host comes to no end with, or has no memory for, is at fault, too.
    ///
    /// - Throws: 503 when no host can say.
    func faults(of scripts: [ProjectScript]) async throws -> [ProjectScript.Fault?] {
        var faults: [ProjectScript.Fault?] = []
        for script in scripts {
            guard let form = SourceForm(rawValue: script.form.rawValue) else {
                faults.append(nil)
                continue
            }
            do throws(ScriptError) {
                let fault = try await fault(in: script.text, as: form)
                faults.append(fault.map { ProjectScript.Fault(line: $0.line, message: $0.message) })
            } catch {
                throw CouchError(error)
            }
        }
        return faults
    }
}
