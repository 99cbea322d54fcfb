/// A step of a schema's history.
package struct PostgresMigration: Sendable {
    /// From 1 on, without gaps.
    package let version: Int
    /// What it does, in a few words.
    package let name: String
    /// A script of any number of statements, run in one transaction with the note that it has been run.
    package let sql: String

    package init(version: Int, name: String, sql: String) {
        self.version = version
        self.name = name
        self.sql = sql
    }
}
