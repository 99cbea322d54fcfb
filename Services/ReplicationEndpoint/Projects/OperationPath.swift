/// What an operator does with the listeners, the jobs and the runs of what is deployed.
enum OperationPath: Hashable, Sendable {
    case listeners(project: String)
    case listener(project: String, name: String)
    case listenerAction(project: String, name: String, ListenerAction)
    case jobs(project: String)
    case job(project: String, name: String)
    case jobAction(project: String, name: String, JobAction)
    case runAction(String, RunAction)

    enum ListenerAction: String, Sendable, CaseIterable {
        case pause
        case resume
        case rewind
    }

    enum JobAction: String, Sendable, CaseIterable {
        case pause
        case resume
        case run
    }

    enum RunAction: String, Sendable, CaseIterable {
        case retry
        case cancel
        case resolve
    }

    /// The operation that the segments behind `/_fullsync/` name.
    init?(_ segments: [String]) {
        switch (segments.first, segments.count) {
        case ("runs", 3):
            guard let action = RunAction(rawValue: segments[2]) else { return nil }
            self = .runAction(segments[1], action)
        case ("projects", 3) where segments[2] == "listeners": self = .listeners(project: segments[1])
        case ("projects", 3) where segments[2] == "jobs": self = .jobs(project: segments[1])
        case ("projects", 4) where segments[2] == "listeners":
            self = .listener(project: segments[1], name: segments[3])
        case ("projects", 4) where segments[2] == "jobs": self = .job(project: segments[1], name: segments[3])
        case ("projects", 5) where segments[2] == "listeners":
            guard let action = ListenerAction(rawValue: segments[4]) else { return nil }
            self = .listenerAction(project: segments[1], name: segments[3], action)
        case ("projects", 5) where segments[2] == "jobs":
            guard let action = JobAction(rawValue: segments[4]) else { return nil }
            self = .jobAction(project: segments[1], name: segments[3], action)
        default: return nil
        }
    }
}
