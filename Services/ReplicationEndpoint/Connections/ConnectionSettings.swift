import NIOCore
import Settings

/// What can be set of the connections of clients.
enum ConnectionSettings {
    static let count = Setting(
        "connections.count",
        .int(1...1_000_000),
        default: 100_000,
        "How many connections an instance has open; more wait to be taken."
    )
    static let idle = Setting(
        "connections.idle",
        .duration(.seconds(1) ... .seconds(86_400)),
        default: .seconds(300),
        "How long a connection is kept for the next request, whose headers must be there by then."
    )
    static let patience = Setting(
        "connections.patience",
        .duration(.seconds(1) ... .seconds(3_600)),
        default: .seconds(120),
        "How long a client may send nothing of a body that it owes, or take nothing of an answer."
    )
    static let rate = Setting(
        "connections.rate",
        .int(1...1 << 30),
        default: 500,
        "How many bytes in a second a client must send or take when it is slow for longer than that."
    )
    static let memory = Setting(
        "request.memory",
        .bytes(1 << 20...1 << 40),
        default: 512 << 20,
        "How many bytes of bodies are in memory at once; a quarter of them of one caller."
    )

    static let all: [any SettingDeclaration] = [count, idle, patience, rate, memory]
}

/// What a connection bears.
struct ConnectionLimits: Sendable {
    /// The longest silence of a client that is waited for.
    var patience = TimeAmount.seconds(120)
    /// How many bytes win back a second of it.
    var rate = 500
    /// How much of a body that nobody reads is read all the same, to keep the connection.
    var discarded = 256 << 10
    /// How long a client has to read the last answer of a connection.
    var linger = TimeAmount.seconds(5)

    var pace: TransferPace { TransferPace(patience: patience, rate: rate) }
}

extension ConnectionLimits {
    /// The limits that are set.
    init(_ settings: SettingReader) throws {
        patience = TimeAmount(try settings[ConnectionSettings.patience])
        rate = try settings[ConnectionSettings.rate]
    }
}
