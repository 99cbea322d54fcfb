extension WrongProjects {
    /// Cases of tests, and what sequences say of calls.
    static let tests: [WrongProject] = [
        .writing(
            "description: nothing",
            to: "tests/wrong.yaml",
            gives: "tests/wrong.yaml:1:1: a file of tests needs 'cases': a list of calls"
        ),
        .replacing(
            "cases:",
            with: "case:",
            in: "tests/pulls.yaml",
            gives: "tests/pulls.yaml:1:1: unknown member 'case' in a file of tests; did you mean 'cases'?"
        ),
        .replacing(
            "call: pull",
            with: "call: pul",
            in: "tests/pulls.yaml",
            gives: "tests/pulls.yaml:3:11: there is no sequence 'pul'; did you mean 'pull'?"
        ),
        .replacing(
            "    call: pull\n",
            with: "",
            in: "tests/pulls.yaml",
            gives: "tests/pulls.yaml:2:5: a case needs 'call': the sequence that is called"
        ),
        .replacing(
            #"{after: "7"}"#,
            with: "{after: 7}",
            in: "tests/pulls.yaml",
            gives:
                "tests/pulls.yaml:3:11: the sequence 'pull' cannot be called so: the variable 'after' must be "
                + "a string, found number"
        ),
        .replacing(
            "    as: clerk\n",
            with: "",
            in: "tests/pulls.yaml",
            gives: "tests/pulls.yaml:11:11: the sequence 'push' needs an authenticated user; add as"
        ),
        .replacing(
            "$gt: 0",
            with: "$more: 0",
            in: "tests/pulls.yaml",
            gives: "tests/pulls.yaml:5:13: 'expect' is no selector: Invalid operator: $more"
        ),
        .replacing(
            "answer: {}",
            with: "answer: {}\n    fails: timeout",
            in: "tests/pulls.yaml",
            gives: "tests/pulls.yaml:15:12: 'answer' and 'fails' exclude each other"
        ),
        .replacing(
            "{user: clerk, groups: [sales]}",
            with: "{groups: [sales]}",
            in: "tests/pulls.yaml",
            gives: "tests/pulls.yaml:8:9: 'as' needs 'user': a user's name"
        ),
        .replacing(
            "within: 5s",
            with: "within: 1h",
            in: "tests/pulls.yaml",
            gives: "tests/pulls.yaml:6:13: 'within' must be a duration of at most 5m, like 500ms, 10s or 5m"
        ),
        .replacing(
            "timeout: 5m",
            with: "cache: {for: 5m, by: [befor, after]}",
            in: "sequences/pull.yaml",
            gives:
                "sequences/pull.yaml:2:23: 'by' must name variables of the sequence; known are 'after', 'pages'"
        ),
        .replacing(
            "timeout: 5m",
            with: "cache: {shared: true}",
            in: "sequences/pull.yaml",
            gives:
                "sequences/pull.yaml:2:8: 'cache' needs 'for': how long an answer is given again, like 10m; or 'until'"
        ),
        .replacing(
            "timeout: 5m",
            with: "cache: {for: 5m, until: 0 3 * * *}",
            in: "sequences/pull.yaml",
            gives: "sequences/pull.yaml:2:25: 'for' and 'until' exclude each other"
        ),
        .replacing(
            "timeout: 5m",
            with: "cache: {for: 5m, timeZone: Europe/Paris}",
            in: "sequences/pull.yaml",
            gives: "sequences/pull.yaml:2:28: 'timeZone' goes with 'until' only"
        ),
        .replacing(
            "timeout: 5m",
            with: "cache: 1y",
            in: "sequences/pull.yaml",
            gives: "sequences/pull.yaml:2:8: 'cache' must be a duration of at most 31d, like 500ms, 10s or 5m"
        ),
        .replacing(
            "timeout: 5m",
            with: "whenClientLeaves: stop",
            in: "sequences/pull.yaml",
            gives: "sequences/pull.yaml:2:19: 'whenClientLeaves' must be one of continue, cancel"
        ),
        .steps(
            "  - respond: {status: 700}",
            gives: "sequences/wrong.yaml:2:23: 'status' must be a status of HTTP from 200 to 599"
        ),
        .steps(
            "  - parseXML: <a/>",
            gives: "sequences/wrong.yaml:2:5: the step 'parseXML' needs 'as': the name of the result"
        ),
        .steps(
            "  - parseXML: <a/>\n    as: a\n    namespaces: ignore",
            gives: "sequences/wrong.yaml:4:17: 'namespaces' must be one of strip, keep"
        ),
        .writing(
            "type: smtp",
            to: "connectors/mail.yaml",
            gives:
                "connectors/mail.yaml:1:1: a connector needs 'host': where the mail server answers, like "
                + "mail.example.com"
        ),
        .writing(
            "type: smtp\nhost: mail\nfrom: the shop",
            to: "connectors/mail.yaml",
            gives:
                "connectors/mail.yaml:3:7: 'from' must be an address, like shop@example.com or "
                + "Shop <shop@example.com>"
        ),
        .writing(
            "type: smtp\nhost: mail\nauthentication: {user: shop, password: secret}",
            to: "connectors/mail.yaml",
            gives:
                "connectors/mail.yaml:3:40: 'password' is a secret and may not be written in a project's files; "
                + "declare a secret symbol in project.yaml, and write ${ITS_NAME}"
        ),
        .writing(
            "type: smtp\nhost: mail\ntls: none\nauthentication: {user: shop, password: \"${TOKEN}\"}",
            to: "connectors/mail.yaml",
            gives: "connectors/mail.yaml:4:17: a password is not sent without TLS; leave out tls: none"
        ),
        .steps(
            "  - sendMail: {to: a@b.c, txt: hello}\n    by: erp",
            gives: "sequences/wrong.yaml:3:9: the connector 'erp' has no transaction 'send'; known are 'authenticate', "
                + "'orders', 'update'"
        ),
        .steps(
            "  - sendMail: {to: a@b.c, text: hello}",
            gives: "sequences/wrong.yaml:2:5: the step 'sendMail' needs 'by': the connector, of type smtp"
        ),
    ]
}
