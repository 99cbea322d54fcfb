extension WrongProjects {
    /// SQL, LDAP and AMQP connectors, secrets, and what HTTP connectors have beside requests.
    static let backEnds: [WrongProject] = sql + ldap + amqp + http

    private static let sql: [WrongProject] = [
        database(
            "engine: mysq",
            "connectors/db.yaml:2:9: 'engine' must be one of postgresql, mariadb, mysql, sqlserver, oracle, sqlite; "
                + "did you mean 'mysql'?"
        ),
        database(
            "description: no engine",
            "connectors/db.yaml:1:1: a connector needs 'engine': one of postgresql, mariadb, mysql, sqlserver, oracle, "
                + "sqlite"
        ),
        database(
            "engine: sqlite\nfile: ../secret.db\ntransactions: {}",
            "connectors/db.yaml:3:7: 'file' is a path below the connector's folder: letters, digits, '-', '_', '.' and "
                + "'/' only"
        ),
        server(
            "one: {sql: SELECT 1}",
            password: "hunter2",
            "connectors/db.yaml:6:11: 'password' is a secret and may not be written in a project's files; declare a "
                + "secret symbol in project.yaml, and write ${ITS_NAME}"
        ),
        server(
            "one: {sql: SELECT 1}",
            password: "${URL}",
            "connectors/db.yaml:6:11: 'password' is a secret, and the symbol 'URL' is not; add secret: true to 'URL' in "
                + "project.yaml"
        ),
        server(
            "one: {sql: \"SELECT * FROM t WHERE a = '{a}'\"}",
            "connectors/db.yaml:8:14: the placeholder {a} stands within quotes; leave the quotes out: the value is bound"
        ),
        server(
            "one: {sql: \"SELECT 'a\"}",
            "connectors/db.yaml:8:14: a quote is not closed"
        ),
        server(
            "one: {sql: SELECT 1; DELETE FROM t}",
            "connectors/db.yaml:8:14: a statement follows another one; write each as an element of 'statements'"
        ),
        server(
            "one: {sql: SELECT ?}",
            "connectors/db.yaml:8:14: '?' stands for no variable; write {name} for a bound value"
        ),
        server(
            "one: {sql: SELECT $1}",
            engine: "postgresql",
            "connectors/db.yaml:8:14: '$1' stands for no variable; write {name} for a bound value"
        ),
        server("one: {sql: -- nothing}", "connectors/db.yaml:8:14: the statement is empty"),
        server(
            "one: {timeout: 5s}",
            "connectors/db.yaml:8:8: a transaction needs 'sql': a statement, or 'statements': several in one transaction"
        ),
        server(
            "one: {sql: SELECT 1, statements: [SELECT 2]}",
            "connectors/db.yaml:8:36: 'sql' and 'statements' exclude each other"
        ),
        server(
            "one: {sql: SELECT 1, isolation: serializable}",
            "connectors/db.yaml:8:35: 'isolation' goes with 'statements' only; a single statement is a transaction of "
                + "its own"
        ),
        server(
            "one: {sql: \"SELECT {nmae}\", variables: {name: {}}}",
            "connectors/db.yaml:8:3: the placeholder {nmae} stands for no variable of 'one'; did you mean 'name'?",
            "connectors/db.yaml:8:43: the variable 'name' is used nowhere in 'one'; write {name} where its value belongs"
        ),
        database(
            "engine: sqlite\nfile: a.db\ntransactions: {one: {sql: \"/* */ attach DATABASE {file} AS b\"}}",
            "connectors/db.yaml:4:27: the word 'attach' may stand in no statement of SQLite: it leads to other files; "
                + "bind it when it is part of a value"
        ),
        database(
            "engine: sqlite\nfile: a.db\ntransactions: {one: {sql: 'SELECT \"Blob_Import\"({file})'}}",
            "connectors/db.yaml:4:27: the word 'Blob_Import' may stand in no statement of SQLite: it leads to other "
                + "files; bind it when it is part of a value"
        ),
        server(
            "one: {sql: LOAD DATA LOCAL INFILE '/proc/self/environ' INTO TABLE t}",
            "connectors/db.yaml:8:14: the word 'INFILE' may stand in no statement of MariaDB: it leads to other files; "
                + "bind it when it is part of a value"
        ),
        server(
            "one: {sql: \"/*!50000 load xml local/**/infile {file} into table t */ SELECT 1\"}",
            engine: "mysql",
            "connectors/db.yaml:8:14: the word 'infile' may stand in no statement of MySQL: it leads to other files; "
                + "bind it when it is part of a value"
        ),
        server(
            "one: {sql: SELECT 1}\naddresses: [loopbak]",
            "connectors/db.yaml:9:13: 'addresses' takes public, private, loopback, linkLocal, and networks like "
                + "10.1.0.0/16; did you mean 'loopback'?"
        ),
        server(
            "one: {sql: SELECT 1}\ncertificateAuthority: here",
            "connectors/db.yaml:9:23: 'certificateAuthority' must be certificates as PEM (-----BEGIN CERTIFICATE-----)"
        ),
        server(
            "one: {sql: SELECT 1}\ndriver: /usr/lib/evil.so",
            "connectors/db.yaml:9:9: 'driver' is a name of odbcinst.ini, and no path"
        ),
    ]

    private static let ldap: [WrongProject] = [
        directory(
            "a: {search: {filter: \"(uid={user}\"}}",
            "connectors/db.yaml:5:24: 'filter' is no filter of LDAP, like (&(objectClass=person)(uid={user}))"
        ),
        directory(
            "a: {search: {filter: (a=b), base: people}}",
            "connectors/db.yaml:5:37: 'base' is no name of a directory's entry, like ou=people,dc=example,dc=org"
        ),
        directory(
            "a: {authenticate: {dn: \"cn={user}\", password: secret}}",
            "connectors/db.yaml:5:49: 'password' must be one variable; write \"{password}\""
        ),
        directory(
            "a: {authenticate: {password: \"{password}\"}}",
            "connectors/db.yaml:5:21: 'authenticate' needs 'dn': the user's name in the directory, or 'filter': how it "
                + "is found"
        ),
        directory(
            "a: {timeout: 5s}",
            "connectors/db.yaml:5:6: a transaction needs 'search': what is looked for, or 'authenticate': who is told "
                + "apart"
        ),
        directory(
            "a: {search: {filter: (a=b)}}\nstartTLS: true\ntls: none",
            "connectors/db.yaml:6:11: 'startTLS' and tls: none exclude each other"
        ),
    ]

    private static let amqp: [WrongProject] = [
        broker(
            "a: {publish: {exchange: x, json: {}}}",
            "connectors/db.yaml:6:16: 'publish' needs 'routingKey': the routing key, which may hold placeholders"
        ),
        broker(
            "a: {request: {routingKey: x}}",
            "connectors/db.yaml:6:16: 'request' needs 'json': the body, or 'text'"
        ),
        broker(
            "a: {publish: {routingKey: x, json: {}, answer: json}}",
            "connectors/db.yaml:6:42: unknown member 'answer' in 'publish'; known are 'contentType', 'exchange', 'headers', "
                + "'json', 'mandatory', 'persistent', 'routingKey', 'text'"
        ),
        broker(
            "a: {idempotent: true}",
            "connectors/db.yaml:6:6: a transaction needs 'publish': what is sent, or 'request': what is sent and answered"
        ),
    ]

    private static let http: [WrongProject] = [
        web(
            "authentication: {bearer: written}",
            "connectors/db.yaml:3:26: 'bearer' is a secret and may not be written in a project's files; declare a secret "
                + "symbol in project.yaml, and write ${ITS_NAME}"
        ),
        web(
            "authentication: {oauth2: {tokenUrl: ftp://x, clientId: a, clientSecret: \"${TOKEN}\"}}",
            "connectors/db.yaml:3:37: the address must begin with http:// or https://"
        ),
        web("cookies: forever", "connectors/db.yaml:3:10: 'cookies' must be one of none, session"),
        web(
            "tls: {certificate: nothing}",
            "connectors/db.yaml:3:20: 'certificate' must be PEM (-----BEGIN CERTIFICATE-----)"
        ),
        web(
            "proxy: {host: \"a/b\"}",
            "connectors/db.yaml:3:15: a host is a name or an address"
        ),
        web(
            "x",
            transaction: "{method: POST, path: /, xml: {a: 1, b: 2}}",
            "connectors/db.yaml:4:35: 'xml' has one root: a mapping with one member"
        ),
        web(
            "x",
            transaction: "{method: POST, path: /, multipart: {a: {fileName: x}}}",
            "connectors/db.yaml:4:45: a part needs 'base64': the bytes, or 'text': the text"
        ),
    ]

    private static func database(_ text: String, _ problems: String...) -> WrongProject {
        .writing("type: sql\n\(text)", to: "connectors/db.yaml", gives: problems.joined(separator: "\n"))
    }

    private static func server(
        _ transaction: String,
        password: String = "${TOKEN}",
        engine: String = "mariadb",
        _ problems: String...
    ) -> WrongProject {
        .writing(
            """
            type: sql
            engine: \(engine)
            host: db.example.com
            database: shop
            user: u
            password: \(password)
            transactions:
              \(transaction)
            """,
            to: "connectors/db.yaml",
            gives: problems.joined(separator: "\n")
        )
    }

    private static func directory(_ transaction: String, _ problem: String) -> WrongProject {
        .writing(
            "type: ldap\nhost: ldap.example.com\nbase: dc=example\ntransactions:\n  \(transaction)",
            to: "connectors/db.yaml",
            gives: problem
        )
    }

    private static func broker(_ transaction: String, _ problem: String) -> WrongProject {
        .writing(
            "type: amqp\nhost: rabbit\nuser: u\npassword: ${TOKEN}\ntransactions:\n  \(transaction)",
            to: "connectors/db.yaml",
            gives: problem
        )
    }

    private static func web(
        _ member: String,
        transaction: String = "{path: /}",
        _ problem: String
    ) -> WrongProject {
        let settings = member == "x" ? "" : member + "\n"
        return .writing(
            "type: http\nbaseUrl: http://erp\n\(settings)transactions:\n  a: \(transaction)",
            to: "connectors/db.yaml",
            gives: problem
        )
    }
}
