extension WrongProjects {
    /// Files that are no YAML, or stand in the wrong place.
    static let text: [WrongProject] = [
        .removing("project.yaml", gives: "project.yaml:1:1: the project has no project.yaml"),
        .writing(
            "project: [",
            to: "project.yaml",
            gives: "project.yaml:2:1: is no YAML: while parsing a flow node, did not find expected node content"
        ),
        .writing("", to: "project.yaml", gives: "project.yaml:1:1: a project needs 'project': the project's name"),
        .writing(
            "- a list",
            to: "project.yaml",
            gives: "project.yaml:1:1: a project must be a mapping (name: value), found a list"
        ),
        .writing(
            "a: 1\n\tb: 2",
            to: "jobs/nightly.yaml",
            gives:
                "jobs/nightly.yaml:2:1: is no YAML: while scanning a plain scalar, found a tab character that "
                + "violates indentation; indent with spaces, not tabs"
        ),
        .replacing(
            "timeout: 10s",
            with: "timeout: 10s\ntimeout: 5s",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:5:1: the member 'timeout' stands twice"
        ),
        .writing(
            "steps: []\naccess: public\naccess: public\nsteps: []\n",
            to: "sequences/wrong.yaml",
            gives: "sequences/wrong.yaml:2:1: the members 'access', 'steps' stand twice"
        ),
        .replacing(
            "{bearer: \"${TOKEN}\"}",
            with: "{bearer: ${TOKEN}}",
            in: "connectors/erp.yaml",
            gives:
                "connectors/erp.yaml:4:27: is no YAML: while parsing a flow mapping, did not find expected ',' "
                + "or '}'; write \"${…}\" with quotes inside of { } and [ ]"
        ),
        .writing(
            "sequence: pull\nschedule: {every: 1h}\n<<: {a: 1}",
            to: "jobs/nightly.yaml",
            gives: "jobs/nightly.yaml:3:1: merge keys ('<<') are not supported"
        ),
        .writing(
            "description: !secret x\ndatabase: docs\ntype: fullsync",
            to: "connectors/docs.yaml",
            gives: "connectors/docs.yaml:1:14: tags ('!') are not supported"
        ),
        .writing(
            "description: *nothing",
            to: "databases/docs/database.yaml",
            gives: "databases/docs/database.yaml:1:14: is no YAML: found undefined alias"
        ),
        .writing(
            String(repeating: "[", count: 600),
            to: "databases/docs/database.yaml",
            gives: "databases/docs/database.yaml:1:1: values are nested deeper than 100"
        ),
        .replacing(
            "view: listeners/orders",
            with: "selector: {a: \(String(repeating: "[", count: 110))\(String(repeating: "]", count: 110))}",
            in: "listeners/push.yaml",
            gives: "listeners/push.yaml:2:114: values are nested deeper than 100"
        ),
        .writing(
            "steps: []",
            to: "sequence/x.yaml",
            gives:
                "sequence/x.yaml:1:1: is not read: files belong in connectors/, sequences/, listeners/, jobs/, "
                + "tests/, scripts/ and databases/<name>/; did you mean 'sequences/'?"
        ),
        .writing(
            "steps: []",
            to: "sequences/deep/x.yaml",
            gives:
                "sequences/deep/x.yaml:1:1: is not read: files belong in connectors/, sequences/, listeners/, "
                + "jobs/, tests/, scripts/ and databases/<name>/"
        ),
        .writing("steps: []", to: "sequences/x.yml", gives: "sequences/x.yml:1:1: is not read; rename it to x.yaml"),
        .writing(
            "steps: []",
            to: "sequences/my seq.yaml",
            gives: "sequences/my seq.yaml:1:1: 'my seq' is no name: letters, digits, '-' and '_' only, a letter first"
        ),
        .writing("x", to: "sequences/../x.yaml", gives: "sequences/../x.yaml:1:1: is no path within the project"),
        .writing(
            "function () {}",
            to: "sequences/x.js",
            gives:
                "sequences/x.js:1:1: is not read: files belong in connectors/, sequences/, listeners/, jobs/, "
                + "tests/, scripts/ and databases/<name>/"
        ),
    ]
}
