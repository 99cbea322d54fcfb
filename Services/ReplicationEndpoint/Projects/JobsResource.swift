import ControlStore
import CouchProtocol
import Foundation
import Hummingbird
import JSON
import Messaging
import Projects
import Schedules
import Sequences
import ServiceRuntime

/// The jobs of a project: when they fire next, what became of the last times; pausing, resuming, and running one now.
struct JobsResource: Sendable {
    let control: ControlStore
    let catalogue: ProjectCatalogue
    let broker: MessageBroker

    /// How many next firings and how many past ones are shown of one job.
    private static let shownFirings = 10
    private static let shownHistory = 50

    func list(_ project: String) async throws -> Response {
        let live = try catalogue.live(project)
        let resting = try await resting(project)
        let now = Timestamp(seconds: Int(try await control.now().timeIntervalSince1970))
        var jobs: [JSONValue] = []
        for job in live.project.jobs.values.sorted(by: { $0.name < $1.name }) {
            var description = Self.describe(job, resting[job.name], now: now, firings: 1)
            let last = try await control.firings(ofJob: job.name, of: project, limit: 1).first
            description["last"] = last.map(Self.describe) ?? .null
            jobs.append(.object(description))
        }
        return .json(["project": .string(project), "jobs": .array(jobs)])
    }

    func show(_ name: String, of project: String) async throws -> Response {
        let job = try job(name, of: project)
        let now = Timestamp(seconds: Int(try await control.now().timeIntervalSince1970))
        let pause = try await resting(project)[name]
        var description = Self.describe(job, pause, now: now, firings: Self.shownFirings)
        let history = try await control.firings(ofJob: name, of: project, limit: Self.shownHistory)
        description["history"] = .array(history.map(Self.describe))
        return .json(.object(description))
    }

    /// - Returns: The job as it is then; the run, when one was started.
    func act(
        _ exchange: Exchange,
        _ action: OperationPath.JobAction,
        _ name: String,
        of project: String
    ) async throws -> Response {
        let job = try job(name, of: project)
        switch action {
        case .pause: try await control.pause(.job, name, of: project, by: exchange.principal.name ?? "")
        case .resume: try await control.resumeJob(name, of: project)
        case .run:
            guard let run = try await control.fireNow(job, of: project) else {
                throw CouchError.preconditionFailed(
                    "The job '\(name)' is under way, and its policy is not to run beside itself."
                )
            }
            // Workers find a run that they were not told of.
            try? await broker.tellWorkers(of: [run])
            return .json(["ok": true, "run": .string(run)], status: .accepted)
        }
        return try await show(name, of: project)
    }

    private func job(_ name: String, of project: String) throws(CouchError) -> Job {
        guard let job = try catalogue.live(project).project.jobs[name] else {
            throw .notFound("The project '\(project)' has no job '\(name)'.")
        }
        return job
    }

    /// The jobs of the project that rest, by name.
    private func resting(_ project: String) async throws -> [String: Pause] {
        let pauses = try await control.pauses(.job).filter { $0.project == project }
        return Dictionary(pauses.map { ($0.name, $0) }) { first, _ in first }
    }

    private static func describe(_ job: Job, _ pause: Pause?, now: Timestamp, firings: Int) -> JSONObject {
        let idle =
            if job.timetable.schedules.isEmpty {
                "by hand"
            } else if job.timetable.nextFiring(after: now) == nil {
                "over"
            } else {
                "scheduled"
            }
        let state = !job.isEnabled ? "disabled" : pause == nil ? idle : "paused"
        var answer: JSONObject = [
            "name": .string(job.name), "description": job.description.map(JSONValue.string) ?? .null,
            "work": describe(job.work), "schedule": .string(job.timetable.shortText),
            "missed": .string(job.missed.rawValue), "overlap": .string(job.overlap.rawValue),
            "runAs": job.runAs.map(JSONValue.string) ?? .null, "state": .string(state),
        ]
        if let pause {
            answer["pausedSince"] = .string(pause.since.formatted(.iso8601))
            answer["pausedBy"] = .string(pause.by)
        }
        var next: [JSONValue] = []
        var last = now
        while state == "scheduled", next.count < firings, let firing = job.timetable.nextFiring(after: last) {
            next.append(time(Date(timeIntervalSince1970: Double(firing.seconds))))
            last = firing
        }
        answer["next"] = .array(next)
        return answer
    }

    private static func describe(_ work: Job.Work) -> JSONValue {
        switch work {
        case .sequence(let reference): ["sequence": .string(reference.description)]
        case .transaction(let reference): ["transaction": .string(reference.description)]
        case .group(let jobs, let mode):
            ["group": .array(jobs.map(JSONValue.string)), "mode": .string(mode.rawValue)]
        }
    }

    private static func describe(_ firing: JobFiring) -> JSONValue {
        var answer: JSONObject = ["at": time(firing.at)]
        guard let run = firing.run else {
            answer["state"] = firing.missed == nil ? "left out" : "missed"
            answer["missed"] = firing.missed.map { .number(JSONNumber($0)) } ?? .null
            return .object(answer)
        }
        return .object(answer.merging(run))
    }

    private static func time(_ date: Date) -> JSONValue { .string(date.formatted(.iso8601)) }
}
