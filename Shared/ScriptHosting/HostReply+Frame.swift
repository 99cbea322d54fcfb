import JSON

extension HostReply {
    /// The message as it goes over the wire.
    package var frame: Frame {
        switch self {
        case .hello(let version): Frame(["type": "hello", "version": .number(JSONNumber(version))])
        case .done: Frame(["type": "done"])
        case .mapped(let text, let log): Frame(["type": "mapped", "log": Self.json(log)], sections: [text])
        case .reduced(let text, let log): Frame(["type": "reduced", "log": Self.json(log)], sections: [text])
        case .filtered(let text, let log): Frame(["type": "filtered", "log": Self.json(log)], sections: [text])
        case .value(let text): Frame(["type": "value"], sections: [text])
        case .missing(let names): Frame(["type": "missing", "names": Self.json(names)])
        case .failed(let error): Frame(["type": "failed", "error": .object(error.json)])
        case .dying(let error): Frame(["type": "dying", "error": .object(error.json)])
        }
    }

    /// The message in a frame.
    package init(_ frame: Frame) throws(FrameError) {
        let header = frame.header
        switch header["type"]?.stringValue {
        case "hello": self = .hello(version: try header.int("version"))
        case "done": self = .done
        case "mapped": self = .mapped(try frame.onlySection, log: header.strings("log"))
        case "reduced": self = .reduced(try frame.onlySection, log: header.strings("log"))
        case "filtered": self = .filtered(try frame.onlySection, log: header.strings("log"))
        case "value": self = .value(try frame.onlySection)
        case "missing": self = .missing(header.strings("names"))
        case "failed": self = .failed(try ScriptError(json: header["error"]))
        case "dying": self = .dying(try ScriptError(json: header["error"]))
        default: throw .malformed("an unknown reply")
        }
    }

    private static func json(_ strings: [String]) -> JSONValue {
        .array(strings.map { .string($0) })
    }
}

extension Frame {
    fileprivate var onlySection: ArraySlice<UInt8> {
        get throws(FrameError) {
            guard sections.count == 1 else { throw .malformed("\(sections.count) sections instead of one") }
            return sections[0]
        }
    }
}

extension JSONObject {
    fileprivate func strings(_ name: String) -> [String] {
        self[name]?.arrayValue?.compactMap(\.stringValue) ?? []
    }
}

extension ScriptError {
    /// The error as it goes over the wire.
    var json: JSONObject {
        var json: JSONObject = [
            "kind": .string(kind.rawValue), "message": .string(message), "function": .string(function),
        ]
        if let line { json["line"] = .number(JSONNumber(line)) }
        if let column { json["column"] = .number(JSONNumber(column)) }
        return json
    }

    /// The error that came over the wire.
    init(json: JSONValue?) throws(FrameError) {
        guard let json = json?.objectValue, let kind = Kind(rawValue: try json.string("kind")) else {
            throw .malformed("an error of no known kind")
        }
        self.init(
            kind,
            try json.string("message"),
            function: try json.string("function"),
            line: json["line"]?.intValue,
            column: json["column"]?.intValue
        )
    }
}
