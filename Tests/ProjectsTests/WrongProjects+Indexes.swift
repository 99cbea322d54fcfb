extension WrongProjects {
    /// Mango indexes of databases.
    static let indexes: [WrongProject] = [
        index("{feilds: [due]}", gives: "2:11: unknown member 'feilds' in an index; did you mean 'fields'?"),
        index(
            "{ddoc: orders}",
            gives: "2:10: an index needs 'fields': the fields by whose values it is ordered, like [type, due]"
        ),
        index(
            "{fields: [due, {name: desc}]}",
            gives: "2:19: the index 'byDue' cannot be: Sorts currently only support a single direction for all fields."
        ),
        index(
            "{fields: [due], partial_filter_selector: {$is: 1}}",
            gives: "2:51: the index 'byDue' cannot be: Invalid operator: $is"
        ),
        index(
            "{fields: [due], ddoc: listeners}",
            gives: "2:3: the design document 'listeners' has files of its own, and cannot have indexes; "
                + "give the index another ddoc"
        ),
        .writing(
            "database: docs\nview: byStatus/byDue\nsequence: push",
            to: "listeners/push.yaml",
            gives:
                "listeners/push.yaml:2:7: the database 'docs' has no view 'byStatus/byDue'; "
                + "known are 'listeners/orders'"
        ),
    ]

    private static func index(_ text: String, gives problem: String) -> WrongProject {
        .writing(
            "indexes:\n  byDue: \(text)\n",
            to: "databases/docs/database.yaml",
            gives: "databases/docs/database.yaml:\(problem)"
        )
    }
}
