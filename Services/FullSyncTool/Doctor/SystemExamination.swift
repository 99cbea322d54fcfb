import Foundation
import JSON
import PrivateServers

/// How what runs is.
struct SystemExamination {
    let settings: ToolSettings

    private static let runLimit = 1_000

    func findings() async -> [Finding] {
        let parts = await parts()
        let (endpoint, isThere) = await endpoint()
        guard let endpoint, isThere.state == .good else { return parts + [isThere] }
        return await parts + [isThere, projects(endpoint)] + runs(endpoint)
    }

    /// The parts of this home, in one finding when all are ready.
    private func parts() async -> [Finding] {
        let home = Home(settings.home)
        guard home.supervisor != nil, let status = try? StatusFile.read(home.statusFile) else {
            return [
                Finding(
                    state: .notable,
                    subject: "system",
                    found: "none runs in \(home.path)",
                    help: "fullsync start, or FULLSYNC_ENDPOINT for one elsewhere"
                )
            ]
        }
        let rows = await status.rows(now: Date())
        let broken = zip(status.entries, rows).filter { !$0.1.isReady }.map { entry, _ in
            Finding(
                state: .wrong,
                subject: entry.name,
                found: "is not ready",
                help: "see \(home.log(of: entry.name).path)"
            )
        }
        let restless = status.entries.filter { $0.restarts > 0 }.map { entry in
            Finding(
                state: .notable,
                subject: entry.name,
                found: "was started again \(entry.restarts) time\(entry.restarts == 1 ? "" : "s")",
                help: "see \(home.log(of: entry.name).path)"
            )
        }
        let whole = Finding(state: .good, subject: "system", found: "\(rows.count) parts are ready")
        return (broken.isEmpty ? [whole] : broken) + restless
    }

    private func endpoint() async -> (AdministeredEndpoint?, Finding) {
        do {
            let endpoint = try AdministeredEndpoint()
            let began = ContinuousClock.now
            let session = try await endpoint.get(["_session"])
            let milliseconds = Int((ContinuousClock.now - began) / .milliseconds(1))
            guard session["userCtx"]?["roles"]?.arrayValue?.contains("_admin") ?? false else {
                return (
                    endpoint,
                    Finding(
                        state: .wrong,
                        subject: "endpoint",
                        found: "\(endpoint.credentials.user) is no administrator of \(endpoint.address)",
                        help: "set FULLSYNC_ADMIN_USER and FULLSYNC_ADMIN_PASSWORD"
                    )
                )
            }
            let found = "\(endpoint.address) answers in \(milliseconds) ms"
            return (endpoint, Finding(state: .good, subject: "endpoint", found: found))
        } catch let refusal as EndpointRefusal where refusal.status == 401 {
            return (
                nil,
                Finding(
                    state: .wrong,
                    subject: "endpoint",
                    found: "the administrator's password is refused",
                    help: "set FULLSYNC_ADMIN_PASSWORD to that of the running system"
                )
            )
        } catch {
            // A setting that is wrong says itself what is right.
            let help = error is WrongConfiguration ? "" : "fullsync start"
            return (nil, Finding(state: .wrong, subject: "endpoint", found: "\(error)", help: help))
        }
    }

    private func projects(_ endpoint: AdministeredEndpoint) async -> Finding {
        do {
            let projects = try await endpoint.get(["_fullsync", "projects"]).objects("projects")
            guard !projects.isEmpty else {
                return Finding(
                    state: .notable,
                    subject: "projects",
                    found: "none is deployed",
                    help: "fullsync new, then fullsync deploy"
                )
            }
            let names = projects.map { "\($0.cell("name")) \($0.cell("version"))" }
            return Finding(state: .good, subject: "projects", found: names.joined(separator: ", "))
        } catch {
            return Finding(state: .wrong, subject: "projects", found: "\(error)")
        }
    }

    /// Runs that wait for a person.
    private func runs(_ endpoint: AdministeredEndpoint) async -> [Finding] {
        var findings: [Finding] = []
        for (state, help) in [("failed", "retry or cancel"), ("uncertain", "resolve <run>")] {
            do {
                let query = [(name: "state", value: state), (name: "limit", value: String(Self.runLimit))]
                let count = try await endpoint.get(["_fullsync", "runs"], query).objects("runs").count
                guard count > 0 else {
                    findings.append(Finding(state: .good, subject: "\(state) runs", found: "none"))
                    continue
                }
                findings.append(
                    Finding(
                        state: .notable,
                        subject: "\(state) runs",
                        found: count == Self.runLimit ? "\(count) or more" : "\(count)",
                        help: "fullsync runs --state \(state), then fullsync \(help)"
                    )
                )
            } catch {
                findings.append(Finding(state: .wrong, subject: "\(state) runs", found: "\(error)"))
            }
        }
        return findings
    }
}
