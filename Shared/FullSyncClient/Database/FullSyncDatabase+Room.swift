extension FullSyncDatabase {
    /// Makes the database's file as small as what it holds.
    ///
    /// Syncs do so by themselves when they have come to rest and a quarter of the file is free, some at a time. This is
    /// for all of it at once, such as after many attachments were deleted, and for files that were made by a version
    /// that could not do so: such a one is written anew, which takes up to twice its size more for a moment (the copy,
    /// and the log through which it comes into the file), and is like the others from then on.
    ///
    /// - Returns: Whether the file is that small already. False while somebody still reads what was before, such as a
    ///   list that is under way: then a later sync, the next call of this, or closing the database makes it so.
    @discardableResult
    public func compact() async throws -> Bool {
        try await FullSyncError.translating { try await replica.compact() }
    }
}
