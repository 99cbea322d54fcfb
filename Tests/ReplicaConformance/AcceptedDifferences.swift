extension ReplicaCheck {
    /// What other servers do differently and may, by the name of the check, with the reason.
    package static let acceptedDifferences = [
        "a local document is not replaced by another revision":
            "CouchDB 3.5 takes any revision of a local document: only the replicator that owns it writes it."
    ]
}

extension ChangesCheck {
    /// What CouchDB 3.5 does differently and may, by the name of the check, with the reason.
    package static let acceptedDifferences = [
        "a limit of 0 is one of 1":
            "CouchDB's documentation says so; its clustered interface answers no rows."
    ]
}
