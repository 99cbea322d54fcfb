import Postgres

/// What does not change with the work: teams, technicians, customers, parts, and the public catalogue.
struct DirectoryStore: Sendable {
    let database: PostgresClient

    func teams(_ page: PageRequest) async throws -> Page {
        try await read(
            page,
            """
            SELECT t.name, json_build_object('name', t.name, 'members',
                (SELECT json_agg(m.login ORDER BY m.login) FROM erp.technicians m WHERE m.team = t.name))
            FROM erp.teams t WHERE t.name > \(page.after) ORDER BY t.name
            """
        )
    }

    func technicians(_ page: PageRequest) async throws -> Page {
        try await read(
            page,
            """
            SELECT login, json_build_object('login', login, 'name', name, 'team', team)
            FROM erp.technicians WHERE login > \(page.after) ORDER BY login
            """
        )
    }

    func customers(_ page: PageRequest) async throws -> Page {
        try await read(
            page,
            """
            SELECT id, json_build_object(
                'id', id, 'name', name, 'street', street, 'city', city, 'phone', phone, 'teams', json_build_array(team))
            FROM erp.customers WHERE id > \(page.after) ORDER BY id
            """
        )
    }

    func parts(_ page: PageRequest) async throws -> Page {
        try await read(
            page,
            """
            SELECT id, json_build_object('id', id, 'name', name, 'unit', unit, 'priceCents', price_cents)
            FROM erp.parts WHERE id > \(page.after) ORDER BY id
            """
        )
    }

    /// The ISO tables, by kind and code; the cursor is `kind:code`.
    func catalogue(_ page: PageRequest) async throws -> Page {
        let cursor = page.after.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let (kind, code) = cursor.count == 2 ? (cursor[0], cursor[1]) : ("", "")
        return try await read(
            page,
            """
            SELECT kind || ':' || code,
                (jsonb_build_object('kind', kind, 'code', code, 'name', name) || data)::json
            FROM erp.catalogue WHERE (kind, code) > (\(kind), \(code)) ORDER BY kind, code
            """
        )
    }

    private func read(_ page: PageRequest, _ query: PostgresQuery) async throws -> Page {
        // One more than asked for, to know whether there is a next page.
        let rows = try await database.query("\(fragment: query) LIMIT \(page.limit + 1)")
        return try Page(rows, limit: page.limit)
    }
}
