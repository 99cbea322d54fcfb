/// In which way a replication reads the changes of its source: page by page, with their documents, or all at once.
///
/// Documents that come with their changes save a request for each batch; those that the target has already are sent in
/// vain. So they are asked for where the target has nothing, and as long as most of what came was news to it.
struct ChangesReading {
    /// The answer that is being read; nil when each page is asked for.
    var stream: ChangesStream?
    /// Whether documents are best sent along.
    private(set) var wantsDocuments = false
    /// Whether there is so much behind the last page that one answer for all of it is worth while.
    private(set) var wantsStream = false

    private var hasBegun = false

    /// A run begins, or is taken up again after a failure.
    ///
    /// What failed may lie with a document, and the plain way has means to pass over that one: so it is taken for a
    /// page at least.
    ///
    /// - Parameter fromNothing: Whether the target has no document.
    mutating func begin(fromNothing: Bool) {
        (stream, wantsStream) = (nil, false)
        wantsDocuments = fromNothing && !hasBegun
        hasBegun = true
    }

    /// Takes in a page that was asked for by itself.
    mutating func take(_ page: ChangesPage, batchSize: Int) -> ChangesPage {
        stream = nil
        // A source that sends no documents along knows nothing of this.
        wantsStream = (page.pending ?? 0) >= batchSize && page.rows.contains { !$0.documents.isEmpty }
        return page
    }

    /// Takes in a page of the one answer, which may have been left meanwhile.
    ///
    /// - Parameter pending: How many changes there were behind the page before, if that is known.
    /// - Returns: The page, with how many changes there are behind it.
    mutating func take(streamed page: ChangesPage, pending: Int?) -> ChangesPage {
        var page = page
        if page.pending == nil {
            page.pending = max((pending ?? 0) - page.rows.count, 1)
        } else {
            (stream, wantsStream) = (nil, false)
        }
        return page
    }

    /// Takes in what became of a batch.
    mutating func note(_ statistics: ReplicationStatistics) {
        wantsDocuments = 2 * statistics.missingFound >= statistics.missingChecked
        if !wantsDocuments { (stream, wantsStream) = (nil, false) }
    }
}
