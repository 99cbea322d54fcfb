import JSON
import Settings

/// What can be set of the intake of notifications.
enum NotificationSettings {
    static let concurrency = Setting(
        "connector.notificationConcurrency",
        .int(1...1_000),
        default: 32,
        "How many notifications are taken in at once."
    )
    static let memory = Setting(
        "connector.notificationMemory",
        .duration(.seconds(3_600) ... .seconds(10 * 366 * 86_400)),
        default: .seconds(30 * 86_400),
        "How long the message id of a notification is known, so that the same one is acted on once."
    )
    static let size = Setting(
        "connector.notificationSize",
        .bytes(1_024...16_777_216),
        default: 1_048_576,
        """
        How large a notification may be; a larger one is kept in fullsync.rejected. Each one that is taken in at once \
        may need many times as much memory.
        """
    )
    static let values = Setting(
        "connector.notificationValues",
        .int(1...10_000_000),
        default: 2_000_000,
        "How many values of JSON a notification may have, those within others counted."
    )
    static let keptSize = Setting(
        "connector.notificationKeptSize",
        .bytes(16_777_216...536_870_912),
        default: 134_217_728,
        """
        How large a rejected notification may be to be kept with the reason, one at a time in memory; a larger one is \
        kept without. As much as the broker takes (its max_message_size) is enough.
        """
    )

    static let all: [any SettingDeclaration] = [concurrency, memory, size, values, keptSize]
}

/// How much a notification may be.
struct NotificationLimits: Sendable {
    /// The most bytes of a body.
    var size = 1_048_576
    /// The most values of JSON.
    var values = JSONLimits().values

    init() {}

    init(_ settings: SettingReader) throws {
        size = try settings[NotificationSettings.size]
        values = try settings[NotificationSettings.values]
    }

    var json: JSONLimits {
        var limits = JSONLimits()
        limits.values = values
        return limits
    }
}
