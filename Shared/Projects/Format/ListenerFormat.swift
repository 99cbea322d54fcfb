import CouchProtocol
import JSON
import Sequences

extension ProjectReader {
    /// Reads `listeners/<name>.yaml`.
    func readListener(_ name: String, file: String) -> Listener? {
        guard var members = members(of: file, subject: "a listener") else { return nil }
        let description = members.text("description")
        let database = members.text("database", required: "the database to listen to")
        let selection = readSelection(&members)
        let events = readEvents(&members)
        let origin: Listener.Origin = members.choice("origin", default: .devices)
        let chunk = members.integer("chunk", in: 1...Listener.largestChunk, default: Listener.defaultChunk)
        let start: Listener.Start = members.choice("start", default: .now)
        let ordering: Listener.Ordering = members.choice("ordering", default: .hold)
        let sequence = members.sequence()
        let isEnabled = members.flag("enabled", default: true)
        members.finish()
        guard let database, let selection, let sequence else { return nil }
        return Listener(
            name: name,
            description: description,
            database: database,
            selection: selection,
            events: events,
            origin: origin,
            chunk: chunk,
            start: start,
            ordering: ordering,
            sequence: sequence,
            isEnabled: isEnabled,
            positions: members.positions
        )
    }

    private func readSelection(_ members: inout SourceMembers) -> Listener.Selection? {
        let view = members.text("view")
        let selector = members.take("selector")?.node
        problems.pardon(holder: selector)
        let all = members.flag("all", default: false)
        let written = members.exclusive(["view", "selector", "all"])
        if written.isEmpty {
            members.reportMissing("view", expected: "<design document>/<view>; or a 'selector', or 'all: true'")
        }
        guard written.count == 1 else { return nil }
        if let view {
            let parts = view.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
                problems.report("'view' must be <design document>/<view>", at: members.position(of: "view"))
                return nil
            }
            return .view(design: String(parts[0]), view: String(parts[1]))
        }
        if let selector {
            guard selector.json.objectValue != nil else {
                members.reportType(of: "selector", expected: "a mapping", found: selector)
                return nil
            }
            do throws(CouchError) {
                return .selector(try Selector(parsing: selector.json))
            } catch {
                problems.report("'selector' is none: \(error.reason)", at: selector.position)
                return nil
            }
        }
        if !all {
            problems.report("'all' can only be true", at: members.position(of: "all"))
            return nil
        }
        return .all
    }

    private func readEvents(_ members: inout SourceMembers) -> Set<Listener.Event> {
        guard let nodes = members.list("on") else { return [.update] }
        var events: Set<Listener.Event> = []
        for node in nodes {
            if let event = node.string.flatMap(Listener.Event.init(rawValue:)) {
                events.insert(event)
            } else {
                problems.reportUnknown(
                    "'on' takes update and delete",
                    name: node.string ?? "",
                    among: Listener.Event.allCases.map(\.rawValue),
                    at: node.position
                )
            }
        }
        if nodes.isEmpty { problems.report("'on' needs update, delete or both", at: members.position(of: "on")) }
        return events
    }
}
