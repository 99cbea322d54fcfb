/// What a replication has done, in counts.
package struct ReplicationStatistics: Hashable, Sendable {
    /// Rows of the source's changes that were read.
    package var changesRead = 0
    /// Revisions that the target was asked about.
    package var missingChecked = 0
    /// Revisions that the target did not have.
    package var missingFound = 0
    /// Revisions that were read from the source.
    package var documentsRead = 0
    /// Revisions that the target took.
    package var documentsWritten = 0
    /// Revisions that the source could not give.
    package var readFailures = 0
    /// Revisions that the target refused.
    package var writeFailures = 0

    /// Nothing done.
    package init() {}

    /// Adds what another part of the replication has done.
    package static func += (lhs: inout ReplicationStatistics, rhs: ReplicationStatistics) {
        lhs.changesRead += rhs.changesRead
        lhs.missingChecked += rhs.missingChecked
        lhs.missingFound += rhs.missingFound
        lhs.documentsRead += rhs.documentsRead
        lhs.documentsWritten += rhs.documentsWritten
        lhs.readFailures += rhs.readFailures
        lhs.writeFailures += rhs.writeFailures
    }
}
