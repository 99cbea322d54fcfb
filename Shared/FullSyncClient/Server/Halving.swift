/// The attempts to have a server do something with several documents, those with which it fails found by halves.
struct Halving {
    /// Whether the request before has failed in a way that has not passed, so that it may lie with one document.
    let isCareful: Bool
    /// Whether the server did what it was asked about any document.
    var hasSucceeded = false
    /// How often it has failed.
    private var failed = 0

    /// How often it may fail before it has done anything; a server that is not well is not asked for each document.
    private static let limit = 16

    init(isCareful: Bool) {
        self.isCareful = isCareful
    }

    /// Takes in that the server has failed.
    ///
    /// - Parameter isAlone: Whether it was asked for one document, so that there is nothing to halve.
    /// - Returns: Whether it is worth while to find out with which document.
    mutating func mayGoOn(isAlone: Bool = false) -> Bool {
        failed += 1
        return (isCareful || isAlone) && (hasSucceeded || failed < Self.limit)
    }
}
