import AsyncHTTPClient
import Foundation
import NIOCore
import PrivateServers
import TestSupport
import Testing

/// The life of a process, seen from outside: a real service, real signals, real exit codes.
@Suite struct ServiceProcessTests {
    private let unreachable = [
        "FULLSYNC_ERP_POSTGRES_URL": "postgres://erp:hunter2@127.0.0.1:1/erp", "FULLSYNC_ERP_TOKEN": "token",
        "FULLSYNC_AMQP_URL": "amqp://guest:hunter2@127.0.0.1:1",
    ]

    @Test func `help and version are printed, and anything else is refused`() async throws {
        let help = try await TestService.start("demo-erp", arguments: ["--help"])
        #expect(await help.process.waitForExit() == .code(0))
        #expect(help.output.contains("FULLSYNC_ERP_TOKEN or FULLSYNC_ERP_TOKEN_FILE"))
        let version = try await TestService.start("demo-erp", arguments: ["--version"])
        #expect(await version.process.waitForExit() == .code(0))
        #expect(version.output.hasPrefix("demo-erp "))
        let other = try await TestService.start("demo-erp", arguments: ["--nope"])
        #expect(await other.process.waitForExit() == .code(64))
    }

    @Test func `all wrong settings are told at once, with exit code 78 and no secret`() async throws {
        let service = try await TestService.start(
            "demo-erp",
            [
                "FULLSYNC_ERP_PORT": "high", "FULLSYNC_LOG_LEVEL": "loud",
                "FULLSYNC_AMQP_URL": "http://guest:hunter2@host", "FULLSYNC_ERP_TOKEN": "token",
            ]
        )
        #expect(await service.process.waitForExit() == .code(78))
        let output = service.output
        #expect(output.contains("FULLSYNC_ERP_PORT (environment): expected a whole number"))
        #expect(output.contains("FULLSYNC_LOG_LEVEL (environment): expected one of trace"))
        #expect(output.contains("FULLSYNC_ERP_POSTGRES_URL (not set)"))
        #expect(output.contains("FULLSYNC_AMQP_URL (environment): expected a URL that begins with amqp://"))
        #expect(!output.contains("hunter2"))
    }

    @Test func `a server that stays away ends the process with exit code 75`() async throws {
        var environment = unreachable
        environment["FULLSYNC_START_TIMEOUT"] = "1s"
        let service = try await TestService.start("demo-erp", environment)
        #expect(await service.process.waitForExit() == .code(75))
        #expect(service.output.contains("not reachable in time: postgres"))
        #expect(!service.output.contains("hunter2"))
    }

    @Test func `while a server is waited for, the check fails and SIGTERM ends the process in peace`() async throws {
        var environment = unreachable
        let port = try FreePort.any(for: .later)
        environment["FULLSYNC_OPERATIONS_PORT"] = "\(port)"
        // The waiting service has no public address yet, so it does not announce itself; it is ready to be asked when
        // it answers the check at all.
        let service = try await TestService.start("demo-erp", environment)
        var answer = ""
        try await eventually("the check is answered") {
            let check = try await TestService.start("demo-erp", environment, arguments: ["--check"])
            #expect(await check.process.waitForExit() == .code(1))
            answer = check.output
            return answer.contains("\"check\"")
        }
        #expect(answer.contains(#""check":"postgres""#))
        #expect(!answer.contains("hunter2"))
        service.process.send(.terminate)
        #expect(await service.process.waitForExit() == .code(0))
    }

    @Test func `a variable that is misspelt is a warning with the right name`() async throws {
        var environment = unreachable
        environment["FULLSYNC_START_TIMEOUT"] = "1s"
        environment["FULLSYNC_ERP_PROT"] = "1"
        let service = try await TestService.start("demo-erp", environment)
        await service.process.waitForExit()
        #expect(service.output.contains("FULLSYNC_ERP_PROT is no setting; FULLSYNC_ERP_PORT was probably meant"))
    }

    @Test func `a port that is taken ends the process with its reason`() async throws {
        var environment = unreachable
        let port = try FreePort.any(for: .later)
        environment["FULLSYNC_OPERATIONS_PORT"] = "\(port)"
        let first = try await TestService.start("demo-erp", environment)
        try await eventually("the first one listens") { !FreePort.isFree(port) }
        let second = try await TestService.start("demo-erp", environment)
        #expect(await second.process.waitForExit() == .code(1))
        #expect(second.output.contains("in use"))
        #expect(await first.stop() == .code(0))
    }

    @Test(.database, .virtualHost) func `a ready service answers its check, shows its metrics, and ends in peace`()
        async throws
    {
        let port = try FreePort.any(for: .later)
        let environment = [
            "FULLSYNC_ERP_POSTGRES_URL": try TestDatabase.address, "FULLSYNC_AMQP_URL": try TestVirtualHost.address,
            "FULLSYNC_ERP_TOKEN": "token", "FULLSYNC_OPERATIONS_PORT": "\(port)", "FULLSYNC_LOG_FORMAT": "json",
        ]
        let service = try await TestService.start("demo-erp", environment)
        let addresses = try await service.addresses()
        #expect(addresses.operations == "http://127.0.0.1:\(port)")
        try await eventually("it is ready") {
            let check = try await TestService.start("demo-erp", environment, arguments: ["--check"])
            return await check.process.waitForExit() == .code(0)
        }
        let response = try await HTTPClient.shared.execute(
            HTTPClientRequest(url: "\(addresses.operations)/metrics"),
            timeout: .seconds(600)
        )
        let metrics = String(buffer: try await response.body.collect(upTo: 1_048_576))
        #expect(metrics.contains("\nprocess_open_fds "))
        #expect(await service.stop() == .code(0))
        for line in service.output.split(separator: "\n") {
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
        }
    }
}
