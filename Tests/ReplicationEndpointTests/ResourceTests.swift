import CouchProtocol
import Testing

@testable import ReplicationEndpoint

@Suite struct ResourceTests {
    @Test(
        arguments: [
            ("/", .welcome), ("", .welcome), ("/_up", .up), ("/_uuids", .uuids), ("/_all_dbs", .allDatabases),
            ("/_session", .session), ("/_session/", .session), ("/db", .database("db")), ("//db/", .database("db")),
            ("/a%2Fb", .database("a/b")), ("/db/_changes", .databaseResource("db", .changes)),
            ("/db/_all_docs", .databaseResource("db", .allDocuments)),
            ("/db/_bulk_docs", .databaseResource("db", .bulkDocuments)),
            ("/db/_bulk_get", .databaseResource("db", .bulkGet)),
            ("/db/_revs_diff", .databaseResource("db", .revisionsDifference)),
            ("/db/_missing_revs", .databaseResource("db", .missingRevisions)),
            ("/db/_all_docs/queries", .databaseResource("db", .allDocumentsQueries)),
            ("/db/_design_docs", .databaseResource("db", .designDocuments)),
            ("/db/_local_docs", .databaseResource("db", .localDocuments)),
            ("/db/_security", .databaseResource("db", .security)), ("/db/_purge", .databaseResource("db", .purge)),
            ("/db/_revs_limit", .databaseResource("db", .revisionLimit)),
            ("/db/_compact", .databaseResource("db", .compact)), ("/db/_compact/d", .compactDesign("db", name: "d")),
            ("/_dbs_info", .databasesInfo), ("/_fullsync/databases/a%2Fb", .settings("a/b")),
            ("/db/_ensure_full_commit", .databaseResource("db", .ensureFullCommit)),
            ("/db/_local/x", .local("db", name: "x")), ("/db/_local%2Fx", .local("db", name: "x")),
            ("/db/_local/a%2Fb", .local("db", name: "a/b")), ("/db/x%2Fy", .document("db", DocumentID(stored: "x/y"))),
            ("/db/a%20b+c", .document("db", DocumentID(stored: "a b+c"))),
            ("/db/%C3%A9", .document("db", DocumentID(stored: "é"))),
            ("/db/_design/d", .document("db", DocumentID(stored: "_design/d"))),
            ("/db/_design%2Fd", .document("db", DocumentID(stored: "_design/d"))),
            ("/db/_design/%CC%81x", .document("db", DocumentID(stored: "_design/\u{301}x"))),
            ("/db/_design%2F%E2%80%8Dx", .document("db", DocumentID(stored: "_design/\u{200D}x"))),
            ("/db/_design%2F%CC%81x/a", .attachment("db", DocumentID(stored: "_design/\u{301}x"), name: "a")),
            ("/db/_local%2F%CC%81x", .local("db", name: "\u{301}x")),
            ("/db/_design/d/_update/f", .designFunction("db", design: "d", .update("f", document: nil))),
            (
                "/db/_design/d/_update/f/a/b%2Fc",
                .designFunction("db", design: "d", .update("f", document: "a/b/c"))
            ),
            ("/db/_design/d/_show/s/x", .designFunction("db", design: "d", .gone("_show"))),
            ("/db/_design/d/_rewrite", .designFunction("db", design: "d", .gone("_rewrite"))),
            ("/db/d/a", .attachment("db", DocumentID(stored: "d"), name: "a")),
            ("/db/d/a/b%2Fc%20d", .attachment("db", DocumentID(stored: "d"), name: "a/b/c d")),
            ("/db/d/_a", .attachment("db", DocumentID(stored: "d"), name: "_a")),
            ("/db/_design/d/a/b", .attachment("db", DocumentID(stored: "_design/d"), name: "a/b")),
            ("/db/_design%2Fd/a", .attachment("db", DocumentID(stored: "_design/d"), name: "a")),
            ("/db/_design%2Fd/_view/v", .view("db", Resource.ViewPath(design: "d", view: "v"))),
            ("/db/_design%2Fd/_update/f", .designFunction("db", design: "d", .update("f", document: nil))),
            ("/db/_design/d/_view/v", .view("db", Resource.ViewPath(design: "d", view: "v"))),
            ("/db/_design/d/_view/v/queries", .viewQueries("db", Resource.ViewPath(design: "d", view: "v"))),
            ("/db/_design/d/_info", .designInfo("db", design: "d")),
            ("/db/_find", .databaseResource("db", .find)), ("/db/_explain", .databaseResource("db", .explain)),
            ("/db/_index", .databaseResource("db", .index)),
            ("/db/_index/_bulk_delete", .databaseResource("db", .indexBulkDelete)),
            ("/db/_index/d/json/n", .index("db", IndexResource.Target(design: "d", type: "json", name: "n"))),
            ("/db/_index/_design/d/json/n", .index("db", IndexResource.Target(design: "d", type: "json", name: "n"))),
            ("/_fullsync/projects", .projects),
            ("/_fullsync/projects/p", .project("p")), ("/_fullsync/projects/p/versions", .projectVersions("p")),
            ("/_fullsync/projects/p/openapi.json", .openAPI(project: "p")),
            ("/_fullsync/projects/p/sequences/s", .sequence(project: "p", name: "s")), ("/_fullsync/runs", .runs),
            ("/_fullsync/runs/1", .run("1")), ("/_fullsync/runs/1/retry", .operation(.runAction("1", .retry))),
            ("/_fullsync/runs/1/cancel", .operation(.runAction("1", .cancel))),
            ("/_fullsync/projects/p/listeners", .operation(.listeners(project: "p"))),
            ("/_fullsync/projects/p/listeners/l", .operation(.listener(project: "p", name: "l"))),
            (
                "/_fullsync/projects/p/listeners/l/rewind",
                .operation(.listenerAction(project: "p", name: "l", .rewind))
            ),
            ("/_fullsync/projects/p/jobs", .operation(.jobs(project: "p"))),
            ("/_fullsync/projects/p/jobs/j", .operation(.job(project: "p", name: "j"))),
            ("/_fullsync/projects/p/jobs/j/run", .operation(.jobAction(project: "p", name: "j", .run))),
            ("/_fullsync/users", .users), ("/_fullsync/users/a%2Fb", .user("a/b")),
            ("/_fullsync/users/u/groups", .userGroups("u")), ("/_fullsync/users/u/sessions", .userSessions("u")),
            ("/_fullsync/groups", .groups), ("/_fullsync/groups/g/members", .groupMembers("g")),
            ("/_fullsync/groups/g/members/u", .groupMember(group: "g", user: "u")),
            ("/_fullsync/sessions", .sessions), ("/_fullsync/sessions/1", .sessionOf(id: "1")),
        ] as [(String, Resource)]
    )
    func `a path names its resource`(path: String, resource: Resource) {
        #expect(Resource(path: path) == resource)
    }

    @Test(arguments: [
        "/_none", "/_up/x", "/_session/x", "/_fullsync", "/_fullsync/none", "/_fullsync/projects/p/sequences",
        "/_fullsync/projects/p/others/s", "/_fullsync/projects/p/jobs/j/rewind", "/_fullsync/runs/1/cancel/x",
        "/db/_changes/x", "/db/_design/d/_view", "/db/_design/d/_view/v/x", "/db/_design/d/_none",
        "/db/_none/a", "/%", "/db/%zz",
        "/db/a%00b", "/db/_design/a%00b", "/db/_local/a%00b", "/db/d/a%00b",
        "/db/_design/d/_%CC%81view/v", "/db/%C3", "/db/_all_docs/x", "/db/_index/d/json", "/db/_index/d/json/n/x",
        "/db/_find/x",
    ])
    func `what is not there has no resource`(path: String) {
        #expect(Resource(path: path) == nil)
    }

    @Test(arguments: ["/db/_none", "/db/_\u{301}x", "/db/_%CC%81x"])
    func `what no document can be called is named so`(path: String) throws {
        guard case .misnamed(let name)? = Resource(path: path) else {
            Issue.record("\(path) is something")
            return
        }
        #expect(name.database == "db" && name.isMissing && name.error.error == "illegal_docid")
    }
}
