extension WrongProjects {
    /// Listeners, jobs and databases.
    static let others: [WrongProject] = [
        .replacing(
            "database: docs",
            with: "database: doc",
            in: "listeners/push.yaml",
            gives: "listeners/push.yaml:1:11: there is no database 'doc'; did you mean 'docs'?"
        ),
        .replacing(
            "view: listeners/orders",
            with: "view: listeners/order",
            in: "listeners/push.yaml",
            gives:
                "listeners/push.yaml:2:7: the database 'docs' has no view 'listeners/order'; did you mean "
                + "'listeners/orders'?"
        ),
        .replacing(
            "view: listeners/orders",
            with: "view: orders",
            in: "listeners/push.yaml",
            gives: "listeners/push.yaml:2:7: 'view' must be <design document>/<view>"
        ),
        .replacing(
            "view: listeners/orders\n",
            with: "",
            in: "listeners/push.yaml",
            gives:
                "listeners/push.yaml:1:1: a listener needs 'view': <design document>/<view>; or a 'selector', "
                + "or 'all: true'"
        ),
        .replacing(
            "view: listeners/orders",
            with: "view: listeners/orders\nall: true",
            in: "listeners/push.yaml",
            gives: "listeners/push.yaml:3:6: 'view' and 'all' exclude each other"
        ),
        .replacing(
            "view: listeners/orders",
            with: "selector: type",
            in: "listeners/push.yaml",
            gives: "listeners/push.yaml:2:11: 'selector' must be a mapping, found a string"
        ),
        .replacing(
            "view: listeners/orders",
            with: "selector: {n: {$no: 1}}",
            in: "listeners/push.yaml",
            gives: "listeners/push.yaml:2:11: 'selector' is none: Invalid operator: $no"
        ),
        .replacing(
            "sequence: push",
            with: "sequence: psuh",
            in: "listeners/push.yaml",
            gives: "listeners/push.yaml:3:11: there is no sequence 'psuh'; did you mean 'push'?"
        ),
        .replacing(
            "sequence: push",
            with: "sequence: pull",
            in: "listeners/push.yaml",
            gives:
                "listeners/push.yaml:3:11: the sequence 'pull' must take the documents as its variable 'doc'; "
                + "add doc: {type: object, multi: true} to its variables"
        ),
        .replacing(
            "sequence: push",
            with: "sequence: push\non: [updates]",
            in: "listeners/push.yaml",
            gives: "listeners/push.yaml:4:6: 'on' takes update and delete; did you mean 'update'?"
        ),
        .replacing(
            "sequence: push",
            with: "sequence: push\nchunk: 5000",
            in: "listeners/push.yaml",
            gives: "listeners/push.yaml:4:8: 'chunk' must be a whole number from 1 to 1000, found 5000"
        ),
        .replacing(
            "sequence: push",
            with: "sequence: push\norigin: servers",
            in: "listeners/push.yaml",
            gives: "listeners/push.yaml:4:9: 'origin' must be one of devices, any"
        ),
        WrongProject(
            changes: [
                "sequences/mine.yaml": "authenticated: true\nsteps: []",
                "jobs/mine.yaml": "sequence: mine\nschedule: {every: 1h}",
            ],
            problem: "jobs/mine.yaml:1:11: the sequence 'mine' needs an authenticated user; add runAs"
        ),
        .replacing(
            "{pages: 3}",
            with: "{page: 3}",
            in: "jobs/nightly.yaml",
            gives:
                "jobs/nightly.yaml:2:7: the sequence 'pull' cannot be called so: there is no variable 'page'; "
                + "did you mean 'pages'?"
        ),
        .replacing(
            "MON-FRI",
            with: "MON-FIR",
            in: "jobs/nightly.yaml",
            gives:
                "jobs/nightly.yaml:3:18: the cron expression is wrong: 'FIR' in the field of days of the week, "
                + "expected 0 to 7 or SUN to SAT"
        ),
        .replacing(
            "0 30 6 * * MON-FRI",
            with: "0 6 30 2 *",
            in: "jobs/nightly.yaml",
            gives:
                "jobs/nightly.yaml:3:18: the cron expression is wrong: never fires: none of the months that it "
                + "names has such a day"
        ),
        .replacing(
            "0 30 6 * * MON-FRI",
            with: "30 6 *",
            in: "jobs/nightly.yaml",
            gives:
                "jobs/nightly.yaml:3:18: the cron expression is wrong: a cron expression has 5 or 6 fields "
                + "([seconds] minutes hours day month weekday), not 3"
        ),
        .replacing(
            "Europe/Paris",
            with: "Europe/Pariss",
            in: "jobs/nightly.yaml",
            gives: "jobs/nightly.yaml:3:50: there is no time zone 'Europe/Pariss'; did you mean 'Europe/Paris'?"
        ),
        .replacing(
            "Europe/Paris",
            with: "CET+1",
            in: "jobs/nightly.yaml",
            gives:
                "jobs/nightly.yaml:3:50: there is no time zone 'CET+1'; use a name of the IANA database, like "
                + "Europe/Paris"
        ),
        .writing(
            "sequence: pull",
            to: "jobs/nightly.yaml",
            gives:
                "jobs/nightly.yaml:1:1: a job needs 'schedule': {every: 10m}, {cron: …, timeZone: …}, {at: …}, a list "
                + "of them, or [] to run by hand only"
        ),
        .writing(
            "sequence: pull\nschedule: [{every: 10m}, {at: soon}]",
            to: "jobs/nightly.yaml",
            gives: "jobs/nightly.yaml:2:31: 'at' must be a time like 2026-12-01T06:00:00Z"
        ),
        .writing(
            "sequence: pull\nschedule: {}",
            to: "jobs/nightly.yaml",
            gives: "jobs/nightly.yaml:2:11: a schedule needs 'every': a duration; or 'cron', or 'at'"
        ),
        .writing(
            "sequence: pull\nschedule: {every: 10m, at: 2026-12-01T06:00:00Z}",
            to: "jobs/nightly.yaml",
            gives: "jobs/nightly.yaml:2:28: 'every' and 'at' exclude each other"
        ),
        .writing(
            "sequence: pull\nschedule: {every: 10 minutes}",
            to: "jobs/nightly.yaml",
            gives: "jobs/nightly.yaml:2:19: 'every' must be a duration of at most 3660d, like 500ms, 10s or 5m"
        ),
        .writing(
            "sequence: pull\nschedule: {every: 100ms}",
            to: "jobs/nightly.yaml",
            gives: "jobs/nightly.yaml:2:19: 'every' must be whole seconds"
        ),
        .writing(
            "sequence: pull\nschedule: {at: 2026-02-30T06:00:00Z}",
            to: "jobs/nightly.yaml",
            gives: "jobs/nightly.yaml:2:16: 'at' must be a time like 2026-12-01T06:00:00Z"
        ),
        .writing(
            "sequence: pull\nschedule: {every: 1h}\nmissed: always",
            to: "jobs/nightly.yaml",
            gives: "jobs/nightly.yaml:3:9: 'missed' must be one of skip, once, all"
        ),
        .replacing(
            "anonymous: read",
            with: "anonymous: write",
            in: "databases/docs/database.yaml",
            gives: "databases/docs/database.yaml:1:12: 'anonymous' must be one of deny, read"
        ),
        .replacing(
            "anonymous: read",
            with: "revisionLimit: 10001",
            in: "databases/docs/database.yaml",
            gives:
                "databases/docs/database.yaml:1:16: 'revisionLimit' must be a whole number from 1 to 10000, found 10001"
        ),
        .replacing(
            "anonymous: read",
            with: "ownerMember: _owner",
            in: "databases/docs/database.yaml",
            gives:
                "databases/docs/database.yaml:1:14: 'ownerMember' must be a member's name that does not begin "
                + "with '_'"
        ),
        .replacing(
            "anonymous: read",
            with: "groupsMember: ~owner",
            in: "databases/docs/database.yaml",
            gives: "databases/docs/database.yaml:1:15: 'ownerMember' and 'groupsMember' must differ"
        ),
        .writing(
            "",
            to: "databases/Docs/database.yaml",
            gives:
                "databases/Docs/database.yaml:1:1: 'Docs' is no name of a database: lower-case letters, digits "
                + "and _$()+-, a letter first"
        ),
        .writing(
            "x",
            to: "databases/more/design/d/views/v/map.js",
            gives:
                "databases/more/design/d/views/v/map.js:1:1: the database 'more' has no database.yaml; add "
                + "databases/more/database.yaml; it may be empty"
        ),
        .writing(
            "_count",
            to: "databases/docs/design/listeners/views/byDay/reduce.js",
            gives: "databases/docs/design/listeners/views/byDay/reduce.js:1:1: the view 'byDay' has no map.js"
        ),
        .writing(
            " ",
            to: "databases/docs/design/listeners/filters/mine.js",
            gives: "databases/docs/design/listeners/filters/mine.js:1:1: the file is empty"
        ),
        .writing(
            "reduce: _cout",
            to: "databases/docs/design/listeners/views/orders/view.yaml",
            gives:
                "databases/docs/design/listeners/views/orders/view.yaml:1:9: 'reduce' must be one of _sum, "
                + "_count, _stats, _approx_count_distinct, _first, _last, _top_<number>, _bottom_<number>; "
                + "JavaScript goes into reduce.js; did you mean '_count'?"
        ),
        .writing(
            "reduce: _top_101",
            to: "databases/docs/design/listeners/views/orders/view.yaml",
            gives:
                "databases/docs/design/listeners/views/orders/view.yaml:1:9: 'reduce': rank value must be between "
                + "1 and 100"
        ),
        .writing(
            "_counter\n",
            to: "databases/docs/design/listeners/views/orders/reduce.js",
            gives:
                "databases/docs/design/listeners/views/orders/reduce.js:1:1: 'reduce' must be one of _sum, "
                + "_count, _stats, _approx_count_distinct, _first, _last, _top_<number>, _bottom_<number>; "
                + "JavaScript goes into reduce.js; did you mean '_count'?"
        ),
        .writing(
            "x",
            to: "databases/docs/design/listeners/views/orders/maps.js",
            gives:
                "databases/docs/design/listeners/views/orders/maps.js:1:1: is not read: a view has map.js, "
                + "reduce.js and view.yaml; did you mean 'map.js'?"
        ),
        .writing(
            "x",
            to: "databases/docs/design/listeners/filter/mine.js",
            gives:
                "databases/docs/design/listeners/filter/mine.js:1:1: is not read: a design document has "
                + "views/<view>/map.js, reduce.js and view.yaml, filters/<filter>.js, updates/<update>.js, "
                + "lib/<module>.js and validate_doc_update.js; did you mean 'filters'?"
        ),
        .writing(
            "x",
            to: "databases/docs/indexes/a.yaml",
            gives:
                "databases/docs/indexes/a.yaml:1:1: is not read: a database has database.yaml and design/<document>/…"
        ),
    ]
}
