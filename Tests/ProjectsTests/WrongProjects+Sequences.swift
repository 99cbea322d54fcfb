extension WrongProjects {
    /// Sequences, their variables and steps.
    static let sequences: [WrongProject] = [
        .writing(
            "access: public",
            to: "sequences/wrong.yaml",
            gives: "sequences/wrong.yaml:1:1: a sequence needs 'steps': a list of steps"
        ),
        .replacing(
            "access: public",
            with: "access: everyone",
            in: "sequences/pull.yaml",
            gives: "sequences/pull.yaml:1:9: 'access' must be one of public, hidden, private"
        ),
        .replacing(
            "timeout: 5m",
            with: "timout: 5m",
            in: "sequences/pull.yaml",
            gives: "sequences/pull.yaml:2:1: unknown member 'timout' in a sequence; did you mean 'timeout'?"
        ),
        .replacing(
            "after: {type: string}",
            with: "after: {type: text}",
            in: "sequences/pull.yaml",
            gives:
                "sequences/pull.yaml:4:17: 'type' must be one of string, number, integer, boolean, object, array, any"
        ),
        .replacing(
            "after: {type: string}",
            with: "after: {type: string}\n  after-id: {}",
            in: "sequences/pull.yaml",
            gives:
                "sequences/pull.yaml:5:3: 'after-id' is no name that expressions can use (letters, digits, _ "
                + "and $, no digit first)"
        ),
        .replacing(
            "default: 1",
            with: "default: one",
            in: "sequences/pull.yaml",
            gives:
                "sequences/pull.yaml:5:35: the default does not fit: the variable 'pages' must be an integer, "
                + "found string"
        ),
        .replacing(
            "default: 1",
            with: "default: 1, required: true",
            in: "sequences/pull.yaml",
            gives: "sequences/pull.yaml:5:35: a required variable has no use for a default; leave out one of the two"
        ),
        .replacing(
            "secret: true",
            with: "secret: false",
            in: "sequences/login.yaml",
            gives: "sequences/login.yaml:3:3: the login sequence's variable 'password' must be secret; add secret: true"
        ),
        .steps(
            "  - callTransaction: docs.postDocument\n    with: {document: {}, policy: mrge}",
            gives:
                "sequences/wrong.yaml:3:11: the transaction 'docs.postDocument' cannot be called so: 'policy' must be "
                + "one of none, create, override, merge; did you mean 'merge'?"
        ),
        .steps(
            "  - callTransaction: docs.postBulkDocuments\n    with: {owner: usr}",
            gives:
                "sequences/wrong.yaml:3:11: the transaction 'docs.postBulkDocuments' cannot be called so: 'owner' must "
                + "be one of user, anonymous, keep, or {name: …}; did you mean 'user'?"
        ),
        .steps(
            "  - callTransaction: docs.postDocument\n    with: {document: {}, groups: kep}",
            gives:
                "sequences/wrong.yaml:3:11: the transaction 'docs.postDocument' cannot be called so: 'groups' must be "
                + "keep, or a list of names; did you mean 'keep'?"
        ),
        .steps(
            "  - callTransaction: docs.postDocument\n    with: {document: {}, policy: merge, mergeRules: {a: apend}}",
            gives:
                "sequences/wrong.yaml:3:11: the transaction 'docs.postDocument' cannot be called so: 'mergeRules.a' "
                + "must be one of delete, override, prepend, append; did you mean 'append'?"
        ),
        .steps(
            "  - callTransaction: docs.getAttachment\n    with: {id: a, name: b, as: txt}",
            gives:
                "sequences/wrong.yaml:3:11: the transaction 'docs.getAttachment' cannot be called so: 'as' must be "
                + "one of base64, text; did you mean 'text'?"
        ),
        .steps(
            "  - date:\n    format: =form\n    as: day",
            gives:
                "sequences/wrong.yaml:3:13: 'format' takes no expression: it is the same in every run; write the value "
                + "itself"
        ),
        .steps("  set: {a: 1}", gives: "sequences/wrong.yaml:2:3: steps must be a list, found a mapping"),
        .steps("  - sett: {a: 1}", gives: "sequences/wrong.yaml:2:5: unknown step 'sett'; did you mean 'set'?"),
        .steps(
            "  - set: {a: 1}\n    output: {b: 2}",
            gives: "sequences/wrong.yaml:3:5: two steps in one: 'set' and 'output'; begin each step with '-'"
        ),
        .steps(
            "  - callTransaction: epr.orders",
            gives: "sequences/wrong.yaml:2:22: there is no connector 'epr'; did you mean 'erp'?"
        ),
        .steps(
            "  - callTransaction: erp.order",
            gives: "sequences/wrong.yaml:2:22: the connector 'erp' has no transaction 'order'; did you mean 'orders'?"
        ),
        .steps(
            "  - callTransaction: erp.orders\n    with: {afer: 1}",
            gives:
                "sequences/wrong.yaml:3:11: the transaction 'erp.orders' has no variable 'afer'; did you mean "
                + "'after'?"
        ),
        .steps(
            "  - callTransaction: erp.update\n    with: {changes: {}}",
            gives: "sequences/wrong.yaml:3:11: the transaction 'erp.update' requires the variable 'number'"
        ),
        .steps(
            "  - callTransaction: docs.getDocument\n    with: {id: 5}",
            gives:
                "sequences/wrong.yaml:3:11: the transaction 'docs.getDocument' cannot be called so: the "
                + "variable 'id' must be a string, found number"
        ),
        .steps(
            "  - callTransaction: docs.postDocuments\n    with: {document: {}}",
            gives:
                "sequences/wrong.yaml:2:22: the connector 'docs' has no transaction 'postDocuments'; did you "
                + "mean 'postDocument'?"
        ),
        .steps(
            "  - callSequence: pulll",
            gives: "sequences/wrong.yaml:2:19: there is no sequence 'pulll'; did you mean 'pull'?"
        ),
        .steps(
            "  - callSequence: pull\n    with: {pages: three}",
            gives:
                "sequences/wrong.yaml:3:11: the sequence 'pull' cannot be called so: the variable 'pages' must "
                + "be an integer, found string"
        ),
        .steps(
            "  - callSequence: push\n    with: {}",
            gives: "sequences/wrong.yaml:3:11: the sequence 'push' requires the variable 'doc'"
        ),
        .steps(
            "  - callSequence: wrong",
            gives: "sequences/wrong.yaml:2:19: sequences call each other without end: wrong → wrong"
        ),
        .steps(
            "  - try:\n      - callSequence: wrong\n    catch: []",
            gives: "sequences/wrong.yaml:3:23: sequences call each other without end: wrong → wrong"
        ),
        .steps(
            "  - set: {order: 1}\n  - output: {o: =ordr.status}",
            gives: "sequences/wrong.yaml:3:17: nothing is called 'ordr' in this sequence; did you mean 'order'?"
        ),
        .steps(
            "  - if: =1 == 1\n    then: []",
            gives: "sequences/wrong.yaml:2:9: 'if' takes an expression without '='; write if: 1 == 1"
        ),
        .steps(
            "  - output: {a: \"= \"}",
            gives: "sequences/wrong.yaml:2:17: an expression is empty; write \"\\\\=\" for the text '='"
        ),
        .steps(
            "  - forEach: symbols\n    to:\n      - log: x",
            gives: "sequences/wrong.yaml:3:5: unknown member 'to' in the step 'forEach'; did you mean 'do'?"
        ),
        .steps("  - break:", gives: "sequences/wrong.yaml:2:5: 'break' outside of a loop"),
    ]
}
