extension WrongProjects {
    /// `project.yaml`, and symbols wherever they are used.
    static let symbols: [WrongProject] = [
        .replacing(
            "project: shop",
            with: "projct: shop",
            in: "project.yaml",
            gives: "project.yaml:1:1: unknown member 'projct' in a project; did you mean 'project'?"
        ),
        .replacing(
            "project: shop",
            with: "project: my shop",
            in: "project.yaml",
            gives: "project.yaml:1:10: a project's name has letters, digits, '-' and '_' only, a letter first"
        ),
        .replacing(
            "notifications:",
            with: "notfications:",
            in: "project.yaml",
            gives: "project.yaml:8:1: unknown member 'notfications' in a project; did you mean 'notifications'?"
        ),
        .replacing(
            "login: login",
            with: "login: lgoin",
            in: "project.yaml",
            gives: "project.yaml:3:8: there is no sequence 'lgoin'; did you mean 'login'?"
        ),
        .replacing(
            "login: login",
            with: "login: pull",
            in: "project.yaml",
            gives: "project.yaml:3:8: the login sequence 'pull' must take the variables user and password"
        ),
        .replacing(
            "PAGE: {default: 100}",
            with: "PAGE: {default: [1]}",
            in: "project.yaml",
            gives: "project.yaml:7:19: 'default' must be a text, number or boolean, found a list"
        ),
        .replacing(
            "PAGE: {default: 100}",
            with: "PAGE: {}",
            in: "project.yaml",
            gives: "project.yaml:7:3: the symbol 'PAGE' has no value and no default; set FULLSYNC_SYMBOL_PAGE"
        ),
        .replacing(
            "TOKEN: {secret: true}",
            with: "TOKEN: {secret: true, default: x}",
            in: "project.yaml",
            gives: "project.yaml:6:34: a secret symbol may not have a default"
        ),
        .replacing(
            "TOKEN: {secret: true}",
            with: "TOKEN: {secret: yes}",
            in: "project.yaml",
            gives: "project.yaml:6:19: 'secret' must be true or false, found a string; write true"
        ),
        .replacing(
            "orders-changed: pull",
            with: "orders-changed: pul",
            in: "project.yaml",
            gives: "project.yaml:9:19: there is no sequence 'pul'; did you mean 'pull'?"
        ),
        .replacing(
            "orders-changed: pull",
            with: "orders.changed: pull",
            in: "project.yaml",
            gives:
                "project.yaml:9:3: 'orders.changed' is no name for a notification: letters, digits, '-' and '_' "
                + "only, a letter first"
        ),
        .replacing(
            "{sequence: pull, runAs: clerk}",
            with: "{runAs: clerk}",
            in: "project.yaml",
            gives: "project.yaml:10:10: a notification needs 'sequence': the sequence to run"
        ),
        .replacing(
            "${PAGE}",
            with: "${PAEG}",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:20:14: there is no symbol 'PAEG' in project.yaml; did you mean 'PAGE'?"
        ),
        .replacing(
            "${PAGE}",
            with: "${PAGE",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:20:14: '${' without '}'; write $${ for the text ${"
        ),
        .replacing(
            "anonymous: read",
            with: "description: ${TOKEN}",
            in: "databases/docs/database.yaml",
            gives: "databases/docs/database.yaml:1:14: the symbol 'TOKEN' is secret and may stand in connectors only"
        ),
        .steps(
            "  - output: {limit: \"${PAGE}\"}",
            gives: "sequences/wrong.yaml:2:21: symbols are not replaced in sequences; use an expression: =symbols.PAGE"
        ),
        .steps(
            "  - output: {limit: =symbols.PAEG}",
            gives: "sequences/wrong.yaml:2:21: there is no symbol 'PAEG' in project.yaml; did you mean 'PAGE'?"
        ),
        .steps(
            "  - output: {limit: =symbols.TOKEN}",
            gives: "sequences/wrong.yaml:2:21: the symbol 'TOKEN' is secret and may stand in connectors only"
        ),
    ]
}
