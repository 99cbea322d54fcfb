// swift-tools-version: 6.2
import PackageDescription

// The map of the house. A target may import what its line names and nothing else; Tests/RepositoryTests holds every
// source file to it. Levels, from the ground up: C libraries, pure modules, wrappers, stores, services.

/// The language features that every target of ours is built with.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "full-sync",
    platforms: [.macOS(.v15), .iOS(.v18)],
    products: [
        .executable(name: "replication-endpoint", targets: ["ReplicationEndpoint"]),
        .executable(name: "change-listener", targets: ["ChangeListener"]),
        .executable(name: "sequence-worker", targets: ["SequenceWorker"]),
        .executable(name: "scheduler", targets: ["Scheduler"]),
        .executable(name: "back-end-connector", targets: ["BackEndConnector"]),
        .executable(name: "script-host", targets: ["ScriptHost"]),
        .executable(name: "fullsync", targets: ["FullSyncTool"]),
        .executable(name: "demo-erp", targets: ["DemoERP"]),
        .library(name: "FullSyncClient", targets: ["FullSyncClient"]),
        // Loaded by tests into the devices that they ill-treat, and part of nothing else.
        .library(name: "DeviceFaults", type: .dynamic, targets: ["DeviceFaults"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["YAML"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // C libraries: a module map and a shim, nothing else.
        .systemLibrary(name: "CPostgres", path: "Shared/CPostgres", pkgConfig: "libpq"),
        .systemLibrary(name: "CLDAP", path: "Shared/CLDAP", pkgConfig: "ldap"),
        .systemLibrary(name: "CODBC", path: "Shared/CODBC", pkgConfig: "odbc"),
        .systemLibrary(name: "CRabbitMQ", path: "Shared/CRabbitMQ", pkgConfig: "librabbitmq"),
        .systemLibrary(name: "CZlib", path: "Shared/CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CSpawn", path: "Shared/CSpawn"),
        .systemLibrary(name: "CJavaScriptCore", path: "Shared/CJavaScriptCore", pkgConfig: "javascriptcoregtk-4.1"),
        // Compiled, so that no Swift sees ICU's headers: Foundation has others of the same names.
        .target(
            name: "CICU",
            path: "Shared/CICU",
            linkerSettings: [
                .linkedLibrary("icui18n", .when(platforms: [.linux])),
                .linkedLibrary("icuuc", .when(platforms: [.linux])),
                .linkedLibrary("icucore", .when(platforms: [.macOS, .iOS])),
            ]
        ),

        // Pure: no files, no sockets, no clock.
        shared("JSON", [.collections]),
        shared("CouchProtocol", ["JSON", .crypto]),
        shared("Mango", ["CouchProtocol", "JSON", .crypto]),
        shared("Contracts", ["JSON"]),
        shared("Schedules", []),
        shared("XML", ["JSON"]),
        shared("Sequences", ["JSON", "Schedules", "XML", .crypto]),
        shared("Projects", ["CouchProtocol", "JSON", "Mango", "Schedules", "Sequences", "XML", .crypto, .yams]),

        // Wrappers: one C library, or one concern of every process, each.
        shared("Executors", []),
        shared("Settings", [.configuration]),
        shared("Telemetry", ["JSON", .logging, .metrics]),
        shared("Postgres", ["CPostgres", "Executors", .logging, .metrics]),
        shared("HostNames", ["Executors"]),
        shared("LDAP", ["CLDAP"]),
        shared("ODBC", ["CODBC", "Executors"]),
        shared("Messaging", ["Contracts", "CRabbitMQ", "Executors", .logging, .metrics]),
        shared(
            "ScriptEngine",
            ["CJavaScriptCore", "JSON"],
            linking: [
                .linkedLibrary("javascriptcoregtk-4.1", .when(platforms: [.linux])),
                .linkedFramework("JavaScriptCore", .when(platforms: [.macOS, .iOS])),
            ]
        ),
        shared("Spawning", ["CSpawn"]),
        shared("ScriptHosting", ["Executors", "JSON", "Spawning", .logging, .metrics]),
        shared("PrivateServers", ["Executors", "Spawning"]),
        shared("Compression", ["CZlib"]),
        shared("Collation", ["CICU", "CouchProtocol"]),
        shared("ViewRules", ["Collation", "CouchProtocol", "JSON", "Mango"]),

        // What the services stand on.
        shared("DocumentStore", ["CouchProtocol", "JSON", "Postgres", "Settings", .crypto, .logging, .metrics]),
        shared("DesignFunctions", ["CouchProtocol", "DocumentStore", "JSON", "ScriptHosting"]),
        shared(
            "ViewIndexes",
            [
                "Collation", "CouchProtocol", "DocumentStore", "JSON", "Mango", "Postgres", "ScriptHosting",
                "ViewRules", .crypto, .logging, .metrics,
            ]
        ),
        shared(
            "ControlStore",
            [
                "Contracts", "Executors", "JSON", "Postgres", "Projects", "Schedules", "Sequences",
                .crypto, .cryptoExtras, .logging,
            ]
        ),
        shared(
            "ServiceRuntime",
            [
                "Contracts", "JSON", "Messaging", "Postgres", "Settings", "Telemetry",
                .hummingbird, .lifecycle, .logging, .nioCore, .nioPosix, .unixSignals,
            ]
        ),
        shared(
            "ProjectRuntime",
            [
                "Contracts", "ControlStore", "CouchProtocol", "DocumentStore", "JSON", "Messaging", "Postgres",
                "Projects", "ScriptHosting", "ServiceRuntime", "Settings", .lifecycle,
            ]
        ),
        shared(
            "FullSyncClient",
            [
                "Collation", "CouchProtocol", "Executors", "JSON", "Mango", "ScriptEngine", "ViewRules",
                .asyncAlgorithms, .asyncHTTPClient, .crypto, .grdb, .nioCore, .nioHTTP1,
            ]
        ),

        // One executable each; they share Contracts and never import one another.
        service(
            "ReplicationEndpoint",
            [
                "Collation", "Compression", "ControlStore", "CouchProtocol", "DesignFunctions", "DocumentStore", "JSON",
                "Mango", "ProjectRuntime", "Projects", "Schedules", "ScriptHosting", "Sequences", "ViewIndexes",
                "ViewRules", "XML",
                .crypto, .cryptoExtras, .httpTypes, .hummingbird, .hummingbirdCore, .nioCore, .nioHTTP1,
                .nioHTTPTypes,
            ]
        ),
        service(
            "ChangeListener",
            [
                "Collation", "ControlStore", "CouchProtocol", "DocumentStore", "JSON", "ProjectRuntime", "Projects",
                "ScriptHosting",
                "Sequences", "ViewIndexes",
            ]
        ),
        service(
            "SequenceWorker",
            [
                "Collation", "Compression", "ControlStore", "CouchProtocol", "DesignFunctions", "DocumentStore", "JSON",
                "Mango", "ProjectRuntime", "Projects", "ScriptHosting", "Sequences", "ViewIndexes", "XML",
            ]
        ),
        service("Scheduler", ["ControlStore", "JSON", "ProjectRuntime", "Projects", "Schedules", "Sequences"]),
        service(
            "BackEndConnector",
            [
                "ControlStore", "Executors", "HostNames", "JSON", "LDAP", "ODBC", "ProjectRuntime", "Projects",
                "Sequences",
                "XML", .asyncHTTPClient, .crypto, .nioCore, .nioHTTP1, .nioPosix, .nioSSL,
            ]
        ),
        .executableTarget(
            name: "ScriptHost",
            dependencies: ["JSON", "ScriptEngine", "ScriptHosting"],
            path: "Services/ScriptHost",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "FullSyncTool",
            dependencies: [
                "Contracts", "CouchProtocol", "Executors", "FullSyncClient", "JSON", "Messaging", "PrivateServers",
                "Projects", "ScriptEngine", "Sequences", "Settings", .argumentParser, .asyncHTTPClient, .grdb, .nioCore,
                .nioHTTP1, .logging,
            ],
            path: "Services/FullSyncTool",
            swiftSettings: settings
        ),

        // The demo's back end, a program of its own that knows nothing of Full Sync but its notifications.
        .executableTarget(
            name: "DemoERP",
            dependencies: [
                "Contracts", "Executors", "JSON", "Messaging", "Postgres", "ServiceRuntime", "Settings",
                .crypto, .cryptoExtras, .httpTypes, .hummingbird, .lifecycle, .logging, .nioCore,
            ],
            path: "compose/demo/ERP",
            swiftSettings: settings
        ),

        // What tests stand on: private servers, built programs, seeded random numbers.
        .target(
            name: "TestSupport",
            dependencies: ["PrivateServers"],
            path: "Tests/TestSupport",
            swiftSettings: settings
        ),
        // What can go wrong below a device: its process is killed, its disk is full, its clock is wrong.
        .target(
            name: "DeviceFaults",
            path: "Tests/DeviceFaults",
            linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]
        ),
        // What limits tests give to scripts.
        .target(
            name: "TestScripts",
            dependencies: ["ScriptHosting"],
            path: "Tests/TestScripts",
            swiftSettings: settings
        ),
        // A server that does exactly what a test says, good or bad.
        .target(
            name: "TestBackEnd",
            dependencies: [.nioCore, .nioPosix, .nioSSL],
            path: "Tests/TestBackEnd",
            swiftSettings: settings
        ),
        // How tests look at queues.
        .target(
            name: "TestMessaging",
            dependencies: ["Messaging"],
            path: "Tests/TestMessaging",
            swiftSettings: settings
        ),
        .testTarget(
            name: "RepositoryTests",
            dependencies: ["JSON", "TestSupport"],
            path: "Tests/RepositoryTests",
            swiftSettings: settings
        ),
        tests("PrivateServers", ["Contracts", "Messaging", "TestSupport", .logging]),
        tests("FullSyncTool", ["FullSyncClient", "JSON", "PrivateServers", "TestSupport", .argumentParser]),
        tests("JSON", ["TestSupport"]),
        tests("Schedules", ["TestSupport"]),
        tests("XML", ["JSON", "TestSupport"]),
        tests("Sequences", ["JSON", "TestSupport"]),
        tests("Projects", ["CouchProtocol", "JSON", "Schedules", "ScriptEngine", "Sequences", "TestSupport"]),
        tests("ScriptEngine"),
        tests("ScriptHosting", ["JSON", "ScriptHost", "TestScripts", "TestSupport", .logging]),
        tests("CouchProtocol", ["JSON", "ReplicaConformance", "TestSupport"]),
        tests(
            "FullSyncClient",
            [
                "CouchProtocol", "JSON", "ReplicaConformance", "TestSupport", "ViewCases", "ViewRules",
                .asyncHTTPClient, .grdb, .nioCore, .nioHTTP1,
            ]
        ),
        // What every replica must do, for the tests of each of them.
        .target(
            name: "ReplicaConformance",
            dependencies: ["CouchProtocol", "JSON"],
            path: "Tests/ReplicaConformance",
            swiftSettings: settings
        ),
        // What queries of views answer, for the tests of the server and of the device.
        .target(
            name: "ViewCases",
            dependencies: ["JSON"],
            path: "Tests/ViewCases",
            swiftSettings: settings
        ),
        tests("Messaging", ["Contracts", "TestMessaging", "TestSupport", .logging]),
        tests("Mango", ["CouchProtocol", "JSON", "TestSupport"]),
        tests("DocumentStore", ["CouchProtocol", "JSON", "Postgres", "TestSupport", .logging]),
        tests(
            "DesignFunctions",
            [
                "CouchProtocol", "DocumentStore", "JSON", "ScriptHost", "ScriptHosting", "TestScripts", "TestSupport",
                .logging,
            ]
        ),
        tests("ControlStore", ["Contracts", "JSON", "Postgres", "Projects", "TestSupport", .logging]),
        tests("Compression"),
        tests("Collation", ["CouchProtocol", "JSON", "TestSupport"]),
        tests(
            "ViewIndexes",
            [
                "Collation", "CouchProtocol", "DocumentStore", "JSON", "Mango", "Postgres", "ScriptHost",
                "ScriptHosting", "TestScripts", "TestSupport", "ViewRules", .logging,
            ]
        ),
        tests("Executors"),
        tests("Postgres", ["PrivateServers", "TestSupport", .logging]),
        tests("ODBC", ["TestSupport"]),
        tests("LDAP", ["TestSupport"]),
        tests("Settings"),
        tests("Telemetry", ["JSON", "TestSupport", .logging, .metrics]),
        tests(
            "ServiceRuntime",
            [
                "DemoERP", "Postgres", "PrivateServers", "Settings", "Telemetry", "TestSupport", .asyncHTTPClient,
                .logging, .nioCore,
            ]
        ),
        tests(
            "BackEndConnector",
            [
                "Contracts", "ControlStore", "Executors", "JSON", "Messaging", "Postgres", "PrivateServers", "Projects",
                "Sequences", "Telemetry", "TestBackEnd", "TestMessaging", "TestSupport", .logging, .nioCore, .nioPosix,
                .nioSSL,
            ]
        ),
        tests(
            "DemoERP",
            [
                "Contracts", "JSON", "Messaging", "PrivateServers", "TestSupport",
                .asyncHTTPClient, .logging, .nioCore, .nioHTTP1,
            ]
        ),
        tests(
            "ReplicationEndpoint",
            [
                "Contracts", "ControlStore", "CouchProtocol", "DocumentStore", "JSON", "Messaging", "Postgres",
                "Schedules", "Sequences", "Settings", "TestSupport", "ViewIndexes", .crypto, .cryptoExtras, .httpTypes,
                .hummingbird,
                .logging, .nioCore, .nioEmbedded, .nioHTTPTypes,
            ]
        ),
        tests(
            "Scheduler",
            [
                "Contracts", "ControlStore", "JSON", "Messaging", "Postgres", "Projects", "Schedules", "TestSupport",
                .logging,
            ]
        ),
        tests(
            "SequenceWorker",
            [
                "Contracts", "ControlStore", "CouchProtocol", "DocumentStore", "JSON", "Messaging", "Postgres",
                "Projects", "ScriptHost", "ScriptHosting", "Sequences", "ServiceRuntime", "TestMessaging",
                "TestScripts", "TestSupport", "ViewIndexes", .logging,
            ]
        ),
        tests(
            "ChangeListener",
            [
                "Contracts", "ControlStore", "CouchProtocol", "DocumentStore", "JSON", "Messaging", "Postgres",
                "Projects", "ScriptHost", "ScriptHosting", "Sequences", "TestMessaging", "TestScripts", "TestSupport",
                "ViewIndexes", .logging,
            ]
        ),
        // One real system for all of them.
        .testTarget(
            name: "SystemTests",
            dependencies: [
                "BackEndConnector", "ChangeListener", "Contracts", "CouchProtocol", "DemoERP", "FullSyncClient",
                "FullSyncTool", "JSON", "Messaging", "Postgres", "PrivateServers",
                "ReplicaConformance", "ReplicationEndpoint", "Scheduler", "ScriptHost", "SequenceWorker", "TestBackEnd",
                "TestSupport", "ViewCases",
                .asyncHTTPClient, .crypto, .logging, .nioCore, .nioHTTP1, .nioPosix,
            ],
            path: "Tests/SystemTests",
            swiftSettings: settings
        ),
        // A real system of their own, which they ill-treat.
        .testTarget(
            name: "FaultTests",
            dependencies: [
                "BackEndConnector", "ChangeListener", "Contracts", "CouchProtocol", "DemoERP", "FullSyncClient",
                "FullSyncTool", "JSON", "Messaging", "PrivateServers", "ReplicationEndpoint", "Scheduler", "ScriptHost",
                "SequenceWorker", "TestSupport",
                .asyncHTTPClient, .logging, .nioCore, .nioHTTP1, .nioPosix,
            ],
            path: "Tests/FaultTests",
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)

/// A library under `Shared`.
func shared(
    _ name: String,
    _ dependencies: [Target.Dependency],
    linking linkerSettings: [LinkerSetting] = []
) -> Target {
    .target(
        name: name,
        dependencies: dependencies,
        path: "Shared/\(name)",
        swiftSettings: settings,
        linkerSettings: linkerSettings
    )
}

/// An executable under `Services`, on the common runtime.
func service(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name,
        dependencies: dependencies + [
            "Contracts", "Messaging", "Postgres", "ServiceRuntime", "Settings", "Telemetry", .lifecycle, .logging,
            .metrics,
        ],
        path: "Services/\(name)",
        swiftSettings: settings
    )
}

/// The tests of the target of that name.
func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.byName(name: name)] + dependencies,
        path: "Tests/\(name)Tests",
        swiftSettings: settings
    )
}

extension Target.Dependency {
    static let argumentParser = product(name: "ArgumentParser", package: "swift-argument-parser")
    static let asyncAlgorithms = product(name: "AsyncAlgorithms", package: "swift-async-algorithms")
    static let asyncHTTPClient = product(name: "AsyncHTTPClient", package: "async-http-client")
    static let collections = product(name: "OrderedCollections", package: "swift-collections")
    static let configuration = product(name: "Configuration", package: "swift-configuration")
    static let crypto = product(name: "Crypto", package: "swift-crypto")
    static let cryptoExtras = product(name: "CryptoExtras", package: "swift-crypto")
    static let grdb = product(name: "GRDB", package: "GRDB.swift")
    static let httpTypes = product(name: "HTTPTypes", package: "swift-http-types")
    static let hummingbird = product(name: "Hummingbird", package: "hummingbird")
    static let hummingbirdCore = product(name: "HummingbirdCore", package: "hummingbird")
    static let lifecycle = product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
    static let logging = product(name: "Logging", package: "swift-log")
    static let metrics = product(name: "Metrics", package: "swift-metrics")
    static let nioCore = product(name: "NIOCore", package: "swift-nio")
    static let nioEmbedded = product(name: "NIOEmbedded", package: "swift-nio")
    static let nioHTTP1 = product(name: "NIOHTTP1", package: "swift-nio")
    static let nioHTTPTypes = product(name: "NIOHTTPTypes", package: "swift-nio-extras")
    static let nioPosix = product(name: "NIOPosix", package: "swift-nio")
    static let nioSSL = product(name: "NIOSSL", package: "swift-nio-ssl")
    static let unixSignals = product(name: "UnixSignals", package: "swift-service-lifecycle")
    static let yams = product(name: "Yams", package: "Yams")
}
