/// Where a target stands, from the ground up; see the head of Package.swift.
enum Level: Int, Sendable {
    /// A C library: a module map and a shim.
    case library
    /// No files, no sockets, no clock.
    case pure
    /// One C library, or one concern of every process.
    case wrapper
    /// What the services stand on.
    case store
    /// A program.
    case program
    /// Tests and what they stand on.
    case test

    init(of target: Manifest.Target) {
        switch target.kind {
        case .system: self = .library
        case .test: self = .test
        case .executable: self = .program
        case .regular:
            if target.path.hasPrefix("Tests/") {
                self = .test
            } else if Self.pureNames.contains(target.name) {
                self = .pure
            } else {
                self = Self.storeNames.contains(target.name) ? .store : .wrapper
            }
        }
    }

    /// The modules of the system and of the toolchain that a target of this level may import without naming them.
    var systemModules: Set<String> {
        switch self {
        case .library: []
        // Foundation's XML is a module of its own, where C libraries stay away from those who do not need them.
        case .pure: ["Foundation", "FoundationXML", "Synchronization"]
        // The device's client takes queues of its applications.
        case .store: ["Dispatch", "Foundation", "Synchronization"]
        case .wrapper, .program:
            ["Darwin", "Dispatch", "Foundation", "FoundationInternationalization", "Glibc", "Synchronization"]
        case .test: ["Dispatch", "Foundation", "Glibc", "Synchronization", "Testing"]
        }
    }

    /// Whether a target of this level may name one of `other`.
    func mayStandOn(_ other: Level) -> Bool {
        switch (self, other) {
        case (.pure, .library): false
        case (.pure, .pure), (.wrapper, .wrapper), (.store, .store), (.test, .test): true
        case (.store, .library), (.program, .library), (.test, .library): false
        default: other.rawValue < rawValue
        }
    }

    private static let pureNames: Set = [
        "Contracts", "CouchProtocol", "JSON", "Mango", "Projects", "Schedules", "Sequences", "XML",
    ]
    private static let storeNames: Set = [
        "ControlStore", "DesignFunctions", "DocumentStore", "FullSyncClient", "ProjectRuntime", "ServiceRuntime",
        "ViewIndexes",
    ]
}
