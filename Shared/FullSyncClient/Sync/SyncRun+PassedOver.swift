import CouchProtocol

/// What pulls have passed over, and ask for again.
extension SyncRun {
    /// Asks again for the documents that pulls have passed over; those with which the server still fails stay noted.
    func bringPassedOver(_ replicator: Replicator, _ watch: ServerWatch) async throws {
        let identity = try await watch.identity
        do {
            for id in try await device.passedOver(of: identity) {
                guard try await bring(id, of: identity, replicator, watch) else { return }
            }
        } catch let error as CouchError where error.status != 401 {
            // The device's file may be in use: there is another time.
            try Task.checkCancellation()
        }
    }

    /// Asks again for one of them.
    ///
    /// - Returns: Whether others are worth asking for: not of a server that is not there, for which the pull waits.
    private func bring(
        _ id: DocumentID,
        of identity: String,
        _ replicator: Replicator,
        _ watch: ServerWatch
    ) async throws -> Bool {
        do {
            let failures = try await replicator.bring(id)
            guard !failures.contains(where: \.error.isPassedOver) else { return true }
            tell(failures)
            try await device.forgetPassedOver(id, of: identity)
        } catch let error as CouchError where error.status != 401 {
            try Task.checkCancellation()
        } catch is TransportError {
            try Task.checkCancellation()
            // An answer that breaks off may be that of this one document alone.
            return (try? await watch.info()) != nil
        }
        return true
    }
}
