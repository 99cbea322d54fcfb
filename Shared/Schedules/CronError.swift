/// Why a text is no cron expression, or one that never fires.
package struct CronError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, with the field and what was expected.
    package let description: String

    init(_ reason: String) {
        description = reason
    }
}
