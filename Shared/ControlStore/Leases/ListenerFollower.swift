package import Projects

extension Listener {
    /// The name under which the position of a project's listener is kept.
    package static func follower(_ listener: String, of project: String) -> String {
        "listener/\(project)/\(listener)"
    }
}
