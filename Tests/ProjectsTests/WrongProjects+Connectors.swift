extension WrongProjects {
    /// HTTP connectors and their transactions, and FullSync connectors.
    static let connectors: [WrongProject] = [
        .replacing(
            "type: http",
            with: "type: htpp",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:1:7: there is no connector of type 'htpp'; did you mean 'http'?"
        ),
        .replacing(
            "type: http\n",
            with: "",
            in: "connectors/erp.yaml",
            gives:
                "connectors/erp.yaml:1:1: a connector needs 'type': http, sql, ldap, amqp, smtp, fullsync or directory"
        ),
        .replacing(
            "baseUrl: ${URL}\n",
            with: "",
            in: "connectors/erp.yaml",
            gives:
                "connectors/erp.yaml:1:1: a connector needs 'baseUrl': where the back end answers, like "
                + "https://erp.example.com"
        ),
        .replacing(
            "baseUrl: ${URL}",
            with: "baseUrl: ftp://erp",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:2:10: the address must begin with http:// or https://"
        ),
        .replacing(
            "baseUrl: ${URL}",
            with: "baseUrl: http://u:p@erp",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:2:10: the address may not hold credentials; use 'authentication'"
        ),
        .replacing(
            "baseUrl: ${URL}",
            with: "baseUrl: http://erp:99999",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:2:10: the address has a port that is none"
        ),
        .replacing(
            "baseUrl: ${URL}",
            with: "baseUrl: http://erp/?a=1",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:2:10: the address may have neither a query nor a fragment"
        ),
        .replacing(
            "Accept: application/json",
            with: "Content-Length: 5",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:3:11: the header 'Content-Length' is set by the connector itself"
        ),
        .replacing(
            "Accept: application/json",
            with: "Accept: a, accept: b",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:3:22: the header 'accept' stands twice"
        ),
        .replacing(
            "Accept: application/json",
            with: "\"A b\": c",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:3:11: 'A b' is no name of a header"
        ),
        .replacing(
            "{bearer: \"${TOKEN}\"}",
            with: "{bearer: \"${TOKEN}\", basic: {user: u, password: \"${TOKEN}\"}}",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:4:17: 'basic' and 'bearer' exclude each other"
        ),
        .replacing(
            "{bearer: \"${TOKEN}\"}",
            with: "{basic: {user: u}}",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:4:25: 'basic' needs 'password': the password, from a secret symbol"
        ),
        .replacing(
            "timeout: 10s",
            with: "timeout: 10",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:5:10: 'timeout' must be a duration of at most 10m, like 500ms, 10s or 5m"
        ),
        .replacing(
            "timeout: 10s",
            with: "timeout: 10s\nresponseLimit: 1GB",
            in: "connectors/erp.yaml",
            gives:
                "connectors/erp.yaml:6:16: 'responseLimit' must be a whole number from 1 to 268435456, found a string"
        ),
        .replacing(
            "concurrency: 4",
            with: "concurrency: many",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:6:14: 'concurrency' must be a whole number from 1 to 1000, found a string"
        ),
        .replacing(
            "concurrency: 4",
            with: "concurrency: 0",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:6:14: 'concurrency' must be a whole number from 1 to 1000, found 0"
        ),
        .replacing(
            "method: PATCH",
            with: "method: patch",
            in: "connectors/erp.yaml",
            gives:
                "connectors/erp.yaml:22:13: 'method' must be one of GET, HEAD, POST, PUT, PATCH, DELETE, "
                + "OPTIONS; did you mean 'PATCH'?"
        ),
        .replacing(
            "method: PATCH",
            with: "metod: PATCH",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:22:5: unknown member 'metod' in a transaction; did you mean 'method'?"
        ),
        .replacing(
            "method: PATCH",
            with: "method: GET",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:22:13: a GET request has no body; add method: POST"
        ),
        .replacing(
            "path: /orders/{number}",
            with: "path: orders/{number}",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:23:11: a path begins with '/'"
        ),
        .replacing(
            "path: /orders/{number}",
            with: "path: /orders/{number}?x=1",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:23:11: a path holds no '?' or '#'; use 'query' for parameters"
        ),
        .replacing(
            "path: /orders/{number}",
            with: "path: /orders/../{number}",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:23:11: a path holds no '.' or '..' segments"
        ),
        .replacing(
            "    path: /sessions\n",
            with: "",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:9:5: a transaction needs 'path': the path after baseUrl, like /orders/{number}"
        ),
        .replacing(
            "{user: \"{user}\", password",
            with: "{user: \"{usr}\", name: \"{user}\", password",
            in: "connectors/erp.yaml",
            gives:
                "connectors/erp.yaml:8:3: the placeholder {usr} stands for no variable of 'authenticate'; did "
                + "you mean 'user'?"
        ),
        .replacing(
            "{user: \"{user}\", password",
            with: "{password",
            in: "connectors/erp.yaml",
            gives:
                "connectors/erp.yaml:12:7: the variable 'user' is used nowhere in 'authenticate'; write {user} "
                + "where its value belongs"
        ),
        .replacing(
            "accept: [200, 401]",
            with: "accept: [200, ok]",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:15:19: 'accept' takes statuses from 100 to 599, and classes like 2xx"
        ),
        .replacing(
            "accept: [200, 401]",
            with: "text: x",
            in: "connectors/erp.yaml",
            gives: "connectors/erp.yaml:15:11: 'json' and 'text' exclude each other"
        ),
        .replacing(
            "database: docs",
            with: "database: dcos",
            in: "connectors/docs.yaml",
            gives: "connectors/docs.yaml:2:11: there is no database 'dcos'; did you mean 'docs'?"
        ),
        .replacing(
            "database: docs",
            with: "databse: docs",
            in: "connectors/docs.yaml",
            gives: "connectors/docs.yaml:2:1: unknown member 'databse' in a connector; did you mean 'database'?"
        ),
    ]
}
