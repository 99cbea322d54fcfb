import JSON
import Logging
import Projects
import ScriptHosting

extension Listener {
    /// What decides which documents the listener of a project is for.
    func filter(of project: Project, scripts: ScriptHostPool, logger: Logger) -> ListenerFilter {
        ListenerFilter(choice: choice(of: project), scripts: scripts, logger: logger)
    }

    private func choice(of project: Project) -> ListenerFilter.Choice {
        switch selection {
        case .all: return .all
        case .selector(let selector): return .selector(selector)
        case .view(let design, let view):
            return mapFunctions(of: project, design, view).map { .map($0) } ?? .none
        }
    }

    /// The map of the listener's view with the modules that it may require.
    private func mapFunctions(of project: Project, _ design: String, _ view: String) -> ScriptFunctions? {
        guard let document = project.databases[database]?.designDocuments[design],
            let text = document["views"]?[view]?["map"]?.stringValue
        else { return nil }
        let name = "_design/\(design)/_view/\(view) map"
        let library = document["views"]?["lib"].map { lib in ["views": ["lib": lib]] as JSONObject } ?? [:]
        return ScriptFunctions([ScriptSource(name: name, text: text)], library: library)
    }
}
