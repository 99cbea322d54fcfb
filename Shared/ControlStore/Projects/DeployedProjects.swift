package import Foundation
import JSON
package import Postgres
package import Projects

/// One version of a project, as it was deployed.
package struct DeployedProject: Sendable {
    package let name: String
    package let version: Int
    /// Path within the project's folder to the file's text.
    package let files: [String: String]
    package let digest: String
}

/// A version of a project as it stands in the list of all of them.
package struct ListedVersion: Sendable, Hashable {
    package let version: Int
    package let digest: String
    package let deployedAt: Date
    package let deployedBy: String
    package let isLive: Bool
}

extension ControlStore {
    /// Makes the files the live version of the project, for every process at the same moment.
    ///
    /// Deploying what is already live changes nothing and answers the version that is live.
    ///
    /// - Parameter jobs: The jobs of that version, whose schedules count from now on unless they did before.
    package func deploy(
        project: String,
        files: [String: String],
        digest: String,
        jobs: [Job] = [],
        by deployer: String
    ) async throws
        -> Int
    {
        try await client.transaction { connection in
            try await takeTurn(over: connection)
            return try await deploy(
                project: project,
                files: files,
                digest: digest,
                jobs: jobs,
                by: deployer,
                over: connection
            )
        }
    }

    /// Waits until nobody else deploys anything, up to the end of the transaction.
    package func takeTurn(over connection: PostgresConnection) async throws {
        _ = try await connection.query("SELECT pg_advisory_xact_lock(7003)")
    }

    /// Does something while nobody deploys anything: behind what was deployed before, and before what is deployed next.
    ///
    /// For something short, which may be done again: deployments wait for it. It goes over the connection that it is
    /// given: whoever took another one from the pool might wait for itself.
    package func betweenDeployments<Value: Sendable>(
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await client.transaction { connection in
            try await takeTurn(over: connection)
            return try await body(connection)
        }
    }

    /// Deploys a version within a transaction that has its turn (``takeTurn(over:)``).
    package func deploy(
        project: String,
        files: [String: String],
        digest: String,
        jobs: [Job],
        by deployer: String,
        over connection: PostgresConnection
    ) async throws -> Int {
        let text = JSONObject(files.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
        let bytes = JSONValue.object(text).bytes
        let live = try await connection.query(
            """
            SELECT version FROM projects JOIN project_versions ON project = name AND version = live_version
            WHERE name = \(project) AND digest = \(digest)
            """
        )
        if let row = live.first { return Int(try row.decode(Int32.self, at: 0)) }
        let rows = try await connection.query(
            """
            INSERT INTO project_versions (project, version, digest, files, deployed_by)
            SELECT \(project), coalesce(max(version), 0) + 1, \(digest), \(bytes), \(deployer)
            FROM project_versions WHERE project = \(project)
            RETURNING version
            """
        )
        guard let version = try rows.first?.decode(Int32.self, at: 0) else { return 0 }
        try await connection.execute(
            """
            INSERT INTO projects (name, live_version) VALUES (\(project), \(version))
            ON CONFLICT (name) DO UPDATE SET live_version = excluded.live_version
            """
        )
        try await startSchedules(of: jobs, in: project, connection)
        return Int(version)
    }

    /// Makes no version of a project live any more; its versions are kept.
    ///
    /// - Returns: Whether one was.
    package func undeploy(project: String) async throws -> Bool {
        try await client.transaction { connection in
            try await forgetSchedules(of: project, connection)
            return try await connection.execute("DELETE FROM projects WHERE name = \(project)") == 1
        }
    }

    /// The versions of a project, the newest first; none when there is no such project.
    package func versions(of project: String, limit: Int) async throws -> [ListedVersion] {
        let rows = try await client.query(
            """
            SELECT version, digest, deployed_at, deployed_by, version = live_version
            FROM project_versions JOIN projects ON name = project
            WHERE project = \(project) ORDER BY version DESC LIMIT \(Int64(limit))
            """
        )
        return try rows.map { row in
            let (version, digest, at, by, isLive) =
                try row.decode(Int32.self, String.self, Date.self, String.self, Bool.self)
            return ListedVersion(
                version: Int(version),
                digest: digest,
                deployedAt: at,
                deployedBy: by,
                isLive: isLive
            )
        }
    }

    /// The live version's number of every project, by name.
    package func liveVersions() async throws -> [String: Int] {
        try Self.liveVersions(try await client.query(Self.liveVersions))
    }

    /// The live version's number of every project, as a transaction sees it.
    package func liveVersions(over connection: PostgresConnection) async throws -> [String: Int] {
        try Self.liveVersions(try await connection.query(Self.liveVersions))
    }

    private static let liveVersions: PostgresQuery = "SELECT name, live_version FROM projects"

    private static func liveVersions(_ rows: PostgresRows) throws -> [String: Int] {
        var versions: [String: Int] = [:]
        for row in rows {
            let (name, version) = try row.decode(String.self, Int32.self)
            versions[name] = Int(version)
        }
        return versions
    }

    /// The version of the project that was deployed last, live or not; nil when none ever was.
    package func lastVersion(of project: String) async throws -> DeployedProject? {
        let rows = try await client.query("SELECT max(version) FROM project_versions WHERE project = \(project)")
        guard let version = try rows.first?.decode(Int32?.self, at: 0) else { return nil }
        return try await self.project(project, version: Int(version))
    }

    /// That version of that project; nil when there is none.
    package func project(_ name: String, version: Int) async throws -> DeployedProject? {
        let rows = try await client.query(
            "SELECT digest, files FROM project_versions WHERE project = \(name) AND version = \(Int32(version))"
        )
        guard let row = rows.first else { return nil }
        let (digest, bytes) = try row.decode(String.self, [UInt8].self)
        var files: [String: String] = [:]
        for (path, content) in try JSONValue(parsing: bytes).objectValue ?? [:] {
            files[path] = content.stringValue
        }
        return DeployedProject(name: name, version: version, files: files, digest: digest)
    }
}
