import Settings

/// What can be set of feeds of changes.
enum FeedSettings {
    private static let standard = FeedLimits()

    static let perUser = Setting(
        "feeds.perUser",
        .int(1...1_000_000),
        default: standard.perUser,
        "How many feeds of changes one user may have open at an instance; more are refused with 429."
    )
    static let perInstance = Setting(
        "feeds.perInstance",
        .int(1...1_000_000),
        default: standard.perInstance,
        "How many feeds of changes an instance has open; more are refused with 503."
    )
    static let page = Setting(
        "feeds.page",
        .int(1...10_000),
        default: standard.page,
        "How many changes are read at once, and so are in memory for one feed."
    )
    static let documentIDs = Setting(
        "feeds.documentIDs",
        .int(1...10_000_000),
        default: standard.documentIDs,
        "How many documents the filter _doc_ids may name."
    )
    static let selectorSize = Setting(
        "feeds.selectorSize",
        .bytes(64...1 << 20),
        default: standard.selectorBytes,
        "How large the selector of a feed may be."
    )

    static let all: [any SettingDeclaration] = [
        perUser, perInstance, page, documentIDs, selectorSize,
    ]
}

extension FeedLimits {
    /// The limits that are set.
    init(_ settings: SettingReader) throws {
        self.init()
        perUser = try settings[FeedSettings.perUser]
        perInstance = try settings[FeedSettings.perInstance]
        page = try settings[FeedSettings.page]
        documentIDs = try settings[FeedSettings.documentIDs]
        selectorBytes = try settings[FeedSettings.selectorSize]
    }
}
