/// The type of a column or a parameter, by its object identifier in `pg_type`.
public struct PostgresType: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    static let bool = PostgresType(rawValue: 16)
    static let bytea = PostgresType(rawValue: 17)
    static let char = PostgresType(rawValue: 18)
    static let name = PostgresType(rawValue: 19)
    static let int8 = PostgresType(rawValue: 20)
    static let int2 = PostgresType(rawValue: 21)
    static let int4 = PostgresType(rawValue: 23)
    static let text = PostgresType(rawValue: 25)
    static let oid = PostgresType(rawValue: 26)
    static let json = PostgresType(rawValue: 114)
    static let float4 = PostgresType(rawValue: 700)
    static let float8 = PostgresType(rawValue: 701)
    static let unknown = PostgresType(rawValue: 705)
    static let bpchar = PostgresType(rawValue: 1042)
    static let varchar = PostgresType(rawValue: 1043)
    static let timestamp = PostgresType(rawValue: 1114)
    static let timestamptz = PostgresType(rawValue: 1184)
    static let interval = PostgresType(rawValue: 1186)
    static let numeric = PostgresType(rawValue: 1700)
    static let uuid = PostgresType(rawValue: 2950)
    static let jsonb = PostgresType(rawValue: 3802)

    static let jsonArray = PostgresType(rawValue: 199)
    static let boolArray = PostgresType(rawValue: 1000)
    static let byteaArray = PostgresType(rawValue: 1001)
    static let int2Array = PostgresType(rawValue: 1005)
    static let int4Array = PostgresType(rawValue: 1007)
    static let textArray = PostgresType(rawValue: 1009)
    static let int8Array = PostgresType(rawValue: 1016)
    static let float8Array = PostgresType(rawValue: 1022)
    static let timestamptzArray = PostgresType(rawValue: 1185)
    static let intervalArray = PostgresType(rawValue: 1187)
    static let uuidArray = PostgresType(rawValue: 2951)
    static let jsonbArray = PostgresType(rawValue: 3807)

    /// Whether the type is an array: those that have a name here, and the database's own, which have none.
    var isArray: Bool {
        Self.names[self]?.hasSuffix("[]") ?? (self.rawValue >= 1000)
    }

    /// The first identifier that a database gives to types of its own; those below are PostgreSQL's.
    private static let firstUserDefined: UInt32 = 16384

    /// Whether the binary form of the type is its text: text types, JSON, and types made by the database (enums).
    var isText: Bool {
        switch self {
        case .text, .varchar, .bpchar, .name, .char, .unknown, .json: true
        default: rawValue >= Self.firstUserDefined
        }
    }
}

extension PostgresType: CustomStringConvertible {
    public var description: String {
        Self.names[self] ?? "type \(rawValue)"
    }

    private static let names: [PostgresType: String] = [
        .bool: "bool", .bytea: "bytea", .char: "char", .name: "name", .int8: "int8", .int2: "int2", .int4: "int4",
        .text: "text", .oid: "oid", .json: "json", .float4: "float4", .float8: "float8", .unknown: "unknown",
        .bpchar: "bpchar", .varchar: "varchar", .timestamp: "timestamp", .timestamptz: "timestamptz",
        .interval: "interval", .numeric: "numeric", .uuid: "uuid", .jsonb: "jsonb", .jsonArray: "json[]",
        .boolArray: "bool[]", .byteaArray: "bytea[]", .int2Array: "int2[]", .int4Array: "int4[]",
        .textArray: "text[]", .int8Array: "int8[]", .float8Array: "float8[]", .timestamptzArray: "timestamptz[]",
        .intervalArray: "interval[]", .uuidArray: "uuid[]", .jsonbArray: "jsonb[]",
    ]
}
