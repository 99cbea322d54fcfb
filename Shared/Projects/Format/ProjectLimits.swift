/// How large a project may be.
package struct ProjectLimits: Sendable, Hashable {
    /// How many files it may have.
    package var files = 2_000
    /// How many bytes one file may have.
    package var fileSize = 1 << 20
    /// How many bytes all files together may have.
    package var totalSize = 16 << 20

    /// The limits of a tool or service that is not told otherwise.
    package init() {}
}
