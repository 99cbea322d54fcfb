import CouchProtocol
import Foundation
import FullSyncClient
import JSON
import NIOHTTP1

/// How fast one device pushes and pulls the public catalogue.
struct ReplicationBench: Sendable {
    let stage: DemoStage
    let peer: String?
    let rounds: Int
    let console: Console

    private struct Server: Sendable {
        let name: String
        let address: String
        let client: JSONClient
    }

    private struct Times {
        var push: [Duration] = []
        var pull: [Duration] = []
    }

    func run() async throws {
        let catalogue = try await catalogue()
        let count = await catalogue.info().documentCount
        console.print("\nOne device and the catalogue, \(count) documents, median of \(rounds):\n")
        let servers = try servers()
        var times: [String: Times] = [:]
        for round in 1...rounds {
            for server in servers {
                let (push, pull) = try await measure(server, catalogue, round: round, count: count)
                times[server.name, default: Times()].push.append(push)
                times[server.name, default: Times()].pull.append(pull)
            }
        }
        let rows = servers.map { server -> [String] in
            let times = times[server.name] ?? Times()
            return [server.name] + [times.push, times.pull].flatMap { Self.cells(Figures($0).median, count: count) }
        }
        console.print(Table(["server", "push", "documents/s", "pull", "documents/s"], rows).text)
        if servers.count == 2, let ours = times[servers[0].name], let theirs = times[servers[1].name] {
            let push = Figures(theirs.push).median / Figures(ours.push).median
            let pull = Figures(theirs.pull).median / Figures(ours.pull).median
            console.print(String(format: "\nratio to the peer: push %.2f ×, pull %.2f ×", push, pull))
        }
    }

    private func servers() throws -> [Server] {
        let own = Server(
            name: "full sync",
            address: stage.system.administrator.address(of: stage.system.endpoint),
            client: stage.administrator
        )
        guard let peer, let parts = URLComponents(string: peer), let user = parts.user, let password = parts.password
        else { return [own] }
        var base = parts
        (base.user, base.password) = (nil, nil)
        let credentials = DemoProject.Credentials(user: user, password: password)
        let client = JSONClient(base: base.string ?? peer, authorization: credentials.authorization)
        return [own, Server(name: "peer", address: peer, client: client)]
    }

    /// The public catalogue, as an anonymous part of what the administrator sees, on a device.
    private func catalogue() async throws -> MemoryReplica {
        let device = MemoryReplica(identity: "catalogue")
        let answer = try await stage.administrator.get(
            "/\(DemoDevice.database)/_all_docs?include_docs=true&startkey=%22catalogue:%22&endkey=%22catalogue;%22"
        )
        for row in answer["rows"]?.arrayValue ?? [] {
            guard let id = row["id"]?.stringValue, var document = row["doc"]?.objectValue else { continue }
            document["_rev"] = nil
            _ = try await device.put(DocumentID(stored: id), document)
        }
        return device
    }

    private func measure(
        _ server: Server,
        _ catalogue: MemoryReplica,
        round: Int,
        count: Int
    ) async throws
        -> (push: Duration, pull: Duration)
    {
        let name = "fullsync-bench-\(UUID().uuidString.lowercased().prefix(8))"
        guard try await server.client.send(.PUT, "/\(name)").status == 201 else {
            throw DemoFailure("\(server.name): the database \(name) could not be made")
        }
        let remote = try FullSyncServer(address: server.address).database(name)
        let clock = ContinuousClock()
        let push = try await clock.measure { _ = try await Replicator(from: catalogue, to: remote).run() }
        let device = MemoryReplica(identity: "device \(round)")
        let pull = try await clock.measure { _ = try await Replicator(from: remote, to: device).run() }
        let arrived = await device.info().documentCount
        _ = try await server.client.send(.DELETE, "/\(name)")
        guard arrived == count else { throw DemoFailure("\(server.name): \(arrived) of \(count) documents came back") }
        return (push, pull)
    }

    private static func cells(_ duration: Duration, count: Int) -> [String] {
        let seconds = duration / .seconds(1)
        return [String(format: "%.2f s", seconds), String(Int(Double(count) / seconds))]
    }
}
