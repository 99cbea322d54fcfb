import Crypto
import Foundation
import JSON

/// The name that CouchDB gives an index or its design document where the request gives none: SHA-1 of the definition
/// and the options in Erlang's external format (`mango_idx:gen_name`).
///
/// It is made the same way here, so that an index that is made on both servers is the same document after replication.
struct GeneratedName {
    let text: String

    /// - Parameters:
    ///   - name: The name that was given, if one was.
    ///   - design: The design document that was given, if one was.
    ///   - copies: The option `w`.
    init(definition: JSONValue, name: String?, design: String?, copies: Int) {
        self.init(
            definition: definition,
            options: [
                ("ddoc", design.map(ErlangValue.binary) ?? .atom("auto_name")), ("def", .json(definition)),
                ("name", name.map(ErlangValue.binary) ?? .atom("auto_name")), ("partitioned", .atom("db_default")),
                ("type", .binary("json")), ("w", .json(.number(JSONNumber(copies)))),
            ]
        )
    }

    /// - Parameter options: By their names, in order.
    init(definition: JSONValue, options: [(String, ErlangValue)]) {
        let term = ErlangValue.tuple([
            .json(definition), .list(options.map { .tuple([.atom($0.0), $0.1]) }),
        ])
        var bytes: [UInt8] = [131]
        term.write(to: &bytes)
        text = Insecure.SHA1.hash(data: Data(bytes)).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}

/// A term as `term_to_binary(…, [{minor_version, 1}])` writes it
/// (<https://www.erlang.org/doc/apps/erts/erl_ext_dist.html>).
indirect enum ErlangValue {
    case atom(String)
    case binary(String)
    case tuple([ErlangValue])
    case list([ErlangValue])
    case json(JSONValue)

    func write(to output: inout [UInt8]) {
        switch self {
        case .atom(let name):
            output.append(100)
            Self.write(name.utf8.count, bytes: 2, to: &output)
            output += name.utf8
        case .binary(let text):
            output.append(109)
            Self.write(text.utf8.count, bytes: 4, to: &output)
            output += text.utf8
        case .tuple(let elements):
            output += [104, UInt8(truncatingIfNeeded: elements.count)]
            for element in elements { element.write(to: &output) }
        case .list(let elements):
            if !elements.isEmpty {
                output.append(108)
                Self.write(elements.count, bytes: 4, to: &output)
                for element in elements { element.write(to: &output) }
            }
            output.append(106)
        case .json(let value): Self.write(value, to: &output)
        }
    }

    private static func write(_ value: JSONValue, to output: inout [UInt8]) {
        switch value {
        case .null: ErlangValue.atom("null").write(to: &output)
        case .bool(let bool): ErlangValue.atom(bool ? "true" : "false").write(to: &output)
        case .number(let number): write(number, to: &output)
        case .string(let text): ErlangValue.binary(text).write(to: &output)
        case .array(let elements): ErlangValue.list(elements.map(ErlangValue.json)).write(to: &output)
        case .object(let members):
            let pairs = members.map { ErlangValue.tuple([.binary($0.0), .json($0.1)]) }
            ErlangValue.tuple([.list(pairs)]).write(to: &output)
        }
    }

    private static func write(_ number: JSONNumber, to output: inout [UInt8]) {
        guard let integer = Int(number.text) else {
            output.append(70)
            write(Int(bitPattern: UInt(number.double.bitPattern)), bytes: 8, to: &output)
            return
        }
        switch integer {
        case 0...255: output += [97, UInt8(integer)]
        case Int(Int32.min)...Int(Int32.max):
            output.append(98)
            write(integer, bytes: 4, to: &output)
        default:
            let magnitude = integer.magnitude
            let count = (64 - magnitude.leadingZeroBitCount + 7) / 8
            output += [110, UInt8(count), integer < 0 ? 1 : 0]
            for place in 0..<count { output.append(UInt8(truncatingIfNeeded: magnitude >> (8 * UInt(place)))) }
        }
    }

    private static func write(_ value: Int, bytes: Int, to output: inout [UInt8]) {
        for place in (0..<bytes).reversed() { output.append(UInt8(truncatingIfNeeded: value >> (8 * place))) }
    }
}
