import DocumentStore
import ProjectRuntime
import ServiceRuntime
import Settings

/// What can be set of a sequence worker.
enum WorkerSettings {
    static let concurrency = Setting(
        "worker.concurrency",
        .int(1...1_000),
        default: 32,
        """
        How many runs a worker has in hand at once: half of them of one listener, job or notification, and three \
        quarters of one project, and the last eighth for projects that have none. As many calls besides, half of \
        them of one project, with half as many again for what is over; and as many logins.
        """
    )
    static let scripts = ScriptHostSettings(hosts: 2)
    static let attempts = Setting(
        "run.attempts",
        .int(1...1_000),
        default: 20,
        """
        How often a run is tried before it has failed; one whose back end is away is tried for as long as it takes, \
        and one whose back end answers badly, or too late, for days.
        """
    )
    static let greatestDelay = Setting(
        "run.greatestDelay",
        .duration(.milliseconds(100) ... .seconds(86_400)),
        default: .seconds(300),
        "The longest pause between two attempts at a run; the first is one second, and each next one twice as long."
    )
    static let lease = Setting(
        "run.lease",
        .duration(.seconds(2) ... .seconds(600)),
        default: .seconds(15),
        "How long a worker that says nothing keeps its runs."
    )
    static let retention = Setting(
        "run.retention",
        .duration(.seconds(60) ... .seconds(31_536_000)),
        default: .seconds(7 * 86_400),
        "How long runs are kept after their end."
    )

    static let all: [any SettingDeclaration] =
        [concurrency, attempts, greatestDelay, lease, retention] + scripts.all + WriteSettings.all
}

extension ServiceDescription {
    static let sequenceWorker = ServiceDescription(
        name: "sequence-worker",
        summary: """
            Runs sequences: those that listeners, jobs and notifications have put in line, and those that devices wait \
            for. Start as many as the work needs.
            """,
        needs: [.postgres, .amqp],
        settings: WorkerSettings.all
    )
}
