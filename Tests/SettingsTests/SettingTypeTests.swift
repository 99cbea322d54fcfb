import Testing

@testable import Settings

@Suite struct SettingTypeTests {
    private enum Color: String, CaseIterable {
        case red
        case blue
    }

    @Test(
        arguments: [
            ("500ms", .milliseconds(500)), ("10s", .seconds(10)), ("5m", .seconds(300)), ("1h", .seconds(3_600)),
            ("2d", .seconds(172_800)), ("0s", .zero),
        ] as [(String, Duration)]
    )
    func `a duration is a number and a unit`(text: String, duration: Duration) {
        #expect(SettingType.duration(.zero ... .seconds(200_000)).parse(text) == duration)
    }

    @Test(arguments: ["", "10", "s", "-1s", "1.5s", "10 s", "1w", "99999999999999999999s", "9999999999999999d", "3d"])
    func `what is no duration of the range is refused`(text: String) {
        #expect(SettingType.duration(.zero ... .seconds(200_000)).parse(text) == nil)
    }

    @Test(arguments: [("512", 512), ("64KiB", 65_536), ("16MiB", 16_777_216), ("1GiB", 1_073_741_824)])
    func `a size is a number and a binary unit`(text: String, bytes: Int) {
        #expect(SettingType.bytes(1...(1 << 40)).parse(text) == bytes)
        #expect(SettingType.bytes(1...(1 << 40)).format(bytes) == text)
    }

    @Test(arguments: ["", "MiB", "1MB", "-1", "0", "9999999999999GiB", "1 MiB"])
    func `what is no size of the range is refused`(text: String) {
        #expect(SettingType.bytes(1...(1 << 40)).parse(text) == nil)
    }

    @Test func `a choice is one of its words`() {
        #expect(SettingType<Color>.choice.parse("blue") == .blue)
        #expect(SettingType<Color>.choice.parse("Blue") == nil)
        #expect(SettingType<Color>.choice.expected == "one of red, blue")
    }

    @Test func `a boolean has its usual words`() {
        #expect(["true", "yes", "1", "ON"].map(SettingType.bool.parse) == [true, true, true, true])
        #expect(["false", "no", "0", "off"].map(SettingType.bool.parse) == [false, false, false, false])
        #expect(SettingType.bool.parse("maybe") == nil)
    }

    @Test(arguments: [
        ("postgres.url", "FULLSYNC_POSTGRES_URL"), ("jwt.publicKey", "FULLSYNC_JWT_PUBLIC_KEY"),
        ("port", "FULLSYNC_PORT"),
        ("symbol.ERP_URL", "FULLSYNC_SYMBOL_ERP_URL"), ("jwt.hs256", "FULLSYNC_JWT_HS256"),
    ])
    func `a key has one variable`(key: String, variable: String) {
        #expect(SettingName.variable(ofKey: key) == variable)
    }

    @Test func `a default shows as it would be written`() {
        #expect(Setting("a", .duration(.zero ... .seconds(9_000)), default: .seconds(90), "").defaultText == "90s")
        #expect(Setting("a", .bytes(0...(1 << 30)), default: 16 << 20, "").defaultText == "16MiB")
        #expect(Setting("a", .optional(.string), default: nil, "").defaultText == "none")
        #expect(Setting(required: "a", .string, "").defaultText == nil)
    }
}

@Suite struct OptionalSecretTests {
    @Test func `a secret that may be left out is a secret all the same`() {
        #expect(SettingType<Secret?>.optional(.secret).isSecret)
        #expect(!SettingType<String?>.optional(.string).isSecret)
        let setting = Setting("a.secret", .optional(.secret), default: nil, "A secret.")
        #expect(setting.fileVariable == "FULLSYNC_A_SECRET_FILE")
    }
}
