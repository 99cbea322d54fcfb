import Foundation
import Testing

@testable import Settings

@Suite struct SettingReaderTests {
    private let port = Setting("http.port", .int(1...65_535), default: 5_984, "The port.")
    private let password = Setting("admin.password", .optional(.secret), default: nil, "The password.")

    @Test func `the environment comes before the file, and the file before the default`() throws {
        try withFile("http:\n  port: 7000\n") { path in
            let bare = try SettingReader(environment: [:])
            #expect(try bare[port] == 5_984)
            let file = try SettingReader(environment: ["FULLSYNC_CONFIG_FILE": path])
            #expect(try file[port] == 7_000)
            let both = try SettingReader(environment: ["FULLSYNC_CONFIG_FILE": path, "FULLSYNC_HTTP_PORT": "8000"])
            #expect(try both[port] == 8_000)
        }
    }

    @Test func `the configuration file may be JSON, and a dotted key may be nested or flat`() throws {
        try withFile(#"{"http": {"port": 7001}, "admin.password": "p"}"#) { path in
            let reader = try SettingReader(environment: ["FULLSYNC_CONFIG_FILE": path])
            #expect(try reader[port] == 7_001)
            #expect(try reader[password] == Secret("p"))
        }
    }

    @Test func `an empty variable counts as not set`() throws {
        let reader = try SettingReader(environment: ["FULLSYNC_HTTP_PORT": ""])
        #expect(try reader[port] == 5_984)
    }

    @Test func `a wrong value names the setting, its source, what was expected and what was found`() throws {
        let reader = try SettingReader(environment: ["FULLSYNC_HTTP_PORT": "high"])
        let error = #expect(throws: SettingError.self) { try reader[port] }
        let expected = "FULLSYNC_HTTP_PORT (environment): expected a whole number from 1 to 65535, found 'high'"
        #expect(error?.description == expected)
    }

    @Test func `a wrong value of the configuration file names the file and the key`() throws {
        try withFile("http:\n  port: [1, 2]\n") { path in
            let reader = try SettingReader(environment: ["FULLSYNC_CONFIG_FILE": path])
            let error = #expect(throws: SettingError.self) { try reader[port] }
            #expect(error?.source == .configurationFile(path: path))
            #expect(error?.name == "http.port")
        }
    }

    @Test func `a wrong value is shown in part when it is long`() throws {
        let reader = try SettingReader(environment: ["FULLSYNC_HTTP_PORT": String(repeating: "9", count: 5_000)])
        let error = #expect(throws: SettingError.self) { try reader[port] }
        #expect((error?.description.count ?? .max) < 300)
    }

    @Test func `a secret may come from a file, without the line end at its end`() throws {
        try withFile("hush\n") { path in
            let reader = try SettingReader(environment: ["FULLSYNC_ADMIN_PASSWORD_FILE": path])
            #expect(try reader[password]?.reveal() == "hush")
        }
    }

    @Test func `a secret's file may be named by the configuration file`() throws {
        try withFile("hush") { secret in
            try withFile("admin:\n  passwordFile: \(secret)\n") { path in
                let reader = try SettingReader(environment: ["FULLSYNC_CONFIG_FILE": path])
                #expect(try reader[password]?.reveal() == "hush")
            }
        }
    }

    @Test func `a secret that is given twice is refused`() throws {
        let environment = ["FULLSYNC_ADMIN_PASSWORD": "a", "FULLSYNC_ADMIN_PASSWORD_FILE": "/nowhere"]
        let error = #expect(throws: SettingError.self) { try SettingReader(environment: environment)[password] }
        #expect(error?.description.contains("not both") == true)
    }

    @Test(arguments: ["", "\n", String(repeating: "x", count: 70_000)])
    func `a secret's file that is empty or too large is refused`(text: String) throws {
        try withFile(text) { path in
            let reader = try SettingReader(environment: ["FULLSYNC_ADMIN_PASSWORD_FILE": path])
            let error = #expect(throws: SettingError.self) { try reader[password] }
            #expect(error?.source == .secretFile(path: path))
        }
    }

    @Test func `a secret never shows in an error, a description or a dump`() throws {
        let url = Setting(required: "postgres.url", .secretURL(schemes: ["postgres"]), "The database.")
        let reader = try SettingReader(environment: ["FULLSYNC_POSTGRES_URL": "mysql://u:hunter2@h/d"])
        let error = #expect(throws: SettingError.self) { try reader[url] }
        #expect(error?.description.contains("hunter2") == false)
        var dumped = ""
        dump(Secret("hunter2"), to: &dumped)
        dumped += "\(Secret("hunter2")) \(String(reflecting: [Secret("hunter2")]))"
        #expect(!dumped.contains("hunter2") && dumped.contains("<secret>"))
    }

    @Test func `all that is wrong is said at once`() throws {
        let token = Setting(required: "erp.token", .secret, "The token.")
        let reader = try SettingReader(environment: ["FULLSYNC_HTTP_PORT": "0"])
        let errors = #expect(throws: SettingErrors.self) { try reader.check([port, password, token]) }
        #expect(errors?.errors.map(\.name) == ["FULLSYNC_HTTP_PORT", "FULLSYNC_ERP_TOKEN"])
        #expect(errors?.errors.last?.source == .nowhere)
    }

    @Test(arguments: ["- a\n- b\n", "a: [", "plain"])
    func `a configuration file that is no object of settings is refused`(text: String) throws {
        try withFile(text) { path in
            let error = #expect(throws: SettingError.self) {
                try SettingReader(environment: ["FULLSYNC_CONFIG_FILE": path])
            }
            #expect(error?.source == .configurationFile(path: path))
        }
    }

    @Test func `a configuration file that is not there is refused`() throws {
        let error = #expect(throws: SettingError.self) {
            try SettingReader(environment: ["FULLSYNC_CONFIG_FILE": "/nowhere/at.all"])
        }
        #expect(error?.description.contains("/nowhere/at.all") == true)
    }

    @Test func `a project's symbol keeps its name`() throws {
        let reader = try SettingReader(environment: ["FULLSYNC_SYMBOL_ERP_URL": "http://erp"])
        #expect(try reader.symbol("ERP_URL") == Secret("http://erp"))
        #expect(try reader.symbol("OTHER") == nil)
    }

    @Test func `a variable that is nearly a setting comes with the setting's name`() throws {
        let reader = try SettingReader(environment: [
            "FULLSYNC_HTTP_PROT": "1", "FULLSYNC_OTHER_THING": "1", "FULLSYNC_SYMBOL_A": "1", "HOME": "/",
            "FULLSYNC_TEST_X": "1", "FULLSYNC_HTTP_PORT": "1", "FULLSYNC_ADMIN_PASSWORD_FILE": "x",
        ])
        let unknown = reader.unknownVariables(declared: [port, password])
        #expect(
            unknown == [
                UnknownVariable(name: "FULLSYNC_HTTP_PROT", suggestion: "FULLSYNC_HTTP_PORT"),
                UnknownVariable(name: "FULLSYNC_OTHER_THING", suggestion: nil),
            ]
        )
    }

    /// Runs with a file of that text, which is gone afterwards.
    private func withFile(_ text: String, _ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("settings-\(UUID().uuidString)").path
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }
}
