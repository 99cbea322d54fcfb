import Foundation
import Glibc
import JSON
import PrivateServers
import TestSupport
import Testing

/// The real tool over services that only announce themselves and answer `/_up`: what is tested is the supervisor.
struct FakeSystem: Sendable {
    let directory: String
    let home: String
    let port: Int
    /// Whether the tool starts its private servers; without, it believes in servers that are not there.
    let hasServers: Bool
    /// Who runs it; nil is the account of the tests.
    let account: Account?
    private let tool: String

    static let services = [
        "replication-endpoint", "change-listener", "sequence-worker", "scheduler", "back-end-connector", "demo-erp",
    ]

    init(hasServers: Bool = false, account: Account? = nil) async throws {
        directory = TestDirectory.make("system")
        home = directory + "/home"
        port = try FreePort.any(for: .later)
        self.hasServers = hasServers
        self.account = account
        // Another account may not reach the build directory.
        tool = account == nil ? Executables.path("fullsync") : directory + "/fullsync"
        if let account {
            try await Self.installProgram(Executables.path("fullsync"), at: tool)
            guard chown(directory, account.user, account.group) == 0 else {
                throw FileError(path: directory, errorNumber: errno)
            }
        }
        try FileManager.default.createDirectory(atPath: directory + "/services", withIntermediateDirectories: true)
        for service in Self.services { try await install(Self.program, as: service) }
    }

    /// Puts a program in a service's place.
    func install(_ program: String, as service: String) async throws {
        let text = "\(directory)/\(service).text"
        try TextFile.replace(text, with: program)
        try await Self.installProgram(text, at: "\(directory)/services/\(service)")
    }

    /// Copies a program, by another process.
    ///
    /// A file that this process writes is open, for a moment, in whatever child another test starts just then, and the
    /// system executes no file that somebody has open for writing.
    private static func installProgram(_ source: String, at path: String) async throws {
        try await CommandFailure.check("/usr/bin/install", ["--mode=755", source, path])
    }

    /// The environment of the tool.
    var environment: [String: String] {
        var environment = [
            "PATH": "/usr/bin:/bin",
            "FULLSYNC_HOME": home,
            "FULLSYNC_PORT": String(port),
            "FULLSYNC_SERVICES_DIRECTORY": directory + "/services",
            "FULLSYNC_DEMO": "off",
            "FULLSYNC_READY_TIMEOUT": "600s",
        ]
        if !hasServers {
            environment["FULLSYNC_POSTGRES_URL"] = "postgres://nobody@127.0.0.1:1/none"
            environment["FULLSYNC_AMQP_URL"] = "amqp://nobody@127.0.0.1:1"
        }
        return environment
    }

    /// Runs the tool to its end: how it ended, and what it printed.
    func fullsync(
        _ verb: String,
        _ more: [String: String] = [:]
    ) async throws -> (status: ChildProcess.ExitStatus, output: String) {
        let log = LogFile("\(directory)/output-\(UUID().uuidString)")
        let child = try await begin(verb, log, more)
        let status = await child.waitForExit()
        return (status, try TextFile.read(log.path))
    }

    /// Starts the tool and does not wait for it.
    func begin(_ verb: String, _ log: LogFile, _ more: [String: String] = [:]) async throws -> ChildProcess {
        try await ChildProcess.start(
            Command(
                tool,
                [verb],
                environment: environment.merging(more) { $1 },
                directory: directory,
                output: .appended(to: log.path),
                account: account
            )
        )
    }

    /// What the tool says of a running system.
    func endpoints() throws -> JSONValue {
        try JSONValue(parsing: try TextFile.read(home + "/endpoints.json"))
    }

    /// The running process of a service.
    func process(_ service: String) throws -> ProcessIdentity? {
        TextFile.firstLine(of: "\(home)/run/\(service).process").flatMap { ProcessIdentity($0) }
    }

    /// Waits until `status` says that all is ready, for which each service has to answer in time.
    func expectReady(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await eventually("all is ready", sourceLocation: sourceLocation) {
            try await fullsync("status").status == .code(0)
        }
    }

    /// Waits until nothing of it runs any more: what a server started ends some moments behind the server.
    func expectNothingRuns(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await eventually("nothing runs any more", sourceLocation: sourceLocation) {
            ProcessTable.processes(naming: directory).isEmpty
        }
    }

    /// A service in Perl, which every Debian has: it announces itself and answers 200 to everything.
    static let program = #"""
        #!/usr/bin/perl
        use strict; use warnings; use IO::Socket::INET;
        $| = 1;
        my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 10, Proto => 'tcp') or die "$!";
        my $url = 'http://127.0.0.1:' . $socket->sockport;
        my $file = $ENV{FULLSYNC_ANNOUNCE_FILE};
        open(my $out, '>', "$file.new") or die "$!";
        print $out "{\"pid\": $$, \"operations\": \"$url\", \"http\": \"$url\"}";
        close $out;
        rename("$file.new", $file);
        $SIG{TERM} = sub { print "ending\n"; exit 0 };
        while (1) {
            my $client = $socket->accept or next;
            while (my $line = <$client>) { last if $line =~ /^\r?\n$/ }
            print $client "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
            close $client;
        }
        """#

    /// A service that does not start, and says why.
    static let failingProgram = """
        #!/bin/sh
        echo 'FULLSYNC_SPEED (environment): expected a number'
        exit 78
        """
}
