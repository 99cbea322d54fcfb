import JSON

extension HostRequest {
    /// The message as it goes over the wire.
    package var frame: Frame {
        switch self {
        case .hello(let version, let limits):
            Frame(["type": "hello", "version": .number(JSONNumber(version)), "limits": .object(limits.json)])
        case .map(let functions, let documents):
            functions.frame("map", sections: documents)
        case .reduce(let functions, let groups):
            functions.frame(
                "reduce",
                ["rereduces": .array(groups.map { .bool($0.keys == nil) })],
                sections: groups.flatMap { group in [group.keys, group.values].compactMap(\.self) }
            )
        case .filter(let functions, let documents, let request):
            functions.frame("filter", sections: [request] + documents)
        case .validate(let functions, let writes, let context):
            functions.frame("validate", sections: context + writes.flatMap { [$0.document, $0.previous] })
        case .update(let functions, let arguments):
            functions.frame("update", sections: arguments)
        case .check(let functions):
            functions.frame("check", sections: [])
        case .parse(let text, let form):
            Frame(["type": "parse", "form": .string(form.rawValue)], sections: [Array(text.utf8)[...]])
        case .evaluate(let evaluation):
            evaluation.frame
        }
    }

    /// The message in a frame.
    package init(_ frame: Frame) throws(FrameError) {
        let header = frame.header
        var sections = frame.sections[...]
        switch header["type"]?.stringValue {
        case "hello":
            guard let limits = header["limits"]?.objectValue else { throw .malformed("no limits") }
            self = .hello(version: try header.int("version"), limits: try HostLimits(limits))
        case "map":
            self = .map(try FunctionsReference(header, taking: &sections), documents: Array(sections))
        case "reduce":
            let functions = try FunctionsReference(header, taking: &sections)
            self = .reduce(functions, groups: try ReduceInput.groups(header, taking: &sections))
        case "filter":
            let functions = try FunctionsReference(header, taking: &sections)
            guard let request = sections.popFirst() else { throw .malformed("a filter without a request") }
            self = .filter(functions, documents: Array(sections), request: request)
        case "validate":
            let functions = try FunctionsReference(header, taking: &sections)
            guard sections.count >= 2, sections.count.isMultiple(of: 2) else { throw .malformed("half a write") }
            let context = Array(sections.prefix(2))
            let texts = Array(sections.dropFirst(2))
            let writes = stride(from: 0, to: texts.count, by: 2).map { place in
                ValidatedWrite(document: texts[place], previous: texts[place + 1])
            }
            self = .validate(functions, writes: writes, context: context)
        case "update":
            self = .update(try FunctionsReference(header, taking: &sections), arguments: Array(sections))
        case "check":
            self = .check(try FunctionsReference(header, taking: &sections))
        case "parse":
            guard let form = SourceForm(rawValue: try header.string("form")), let text = sections.popFirst() else {
                throw .malformed("nothing to parse")
            }
            self = .parse(text: String(decoding: text, as: UTF8.self), form: form)
        case "evaluate":
            self = .evaluate(try Evaluation(header, sections: sections))
        default:
            throw .malformed("an unknown request")
        }
    }
}

extension HostLimits {
    fileprivate var json: JSONObject {
        [
            "callMilliseconds": .number(JSONNumber(callMilliseconds)),
            "memory": .number(JSONNumber(memory)),
            "inputSize": .number(JSONNumber(inputSize)),
            "outputSize": .number(JSONNumber(outputSize)),
            "environments": .number(JSONNumber(environments)),
            "sessions": .number(JSONNumber(sessions)),
        ]
    }

    fileprivate init(_ json: JSONObject) throws(FrameError) {
        callMilliseconds = try json.int("callMilliseconds")
        memory = try json.int("memory")
        inputSize = try json.int("inputSize")
        outputSize = try json.int("outputSize")
        environments = try json.int("environments")
        sessions = try json.int("sessions")
    }
}

extension FunctionsReference {
    /// A frame whose first section is the library, when there is a definition.
    fileprivate func frame(
        _ type: String,
        _ members: JSONObject = [:],
        sections: [ArraySlice<UInt8>]
    ) -> Frame {
        var header = members
        header["type"] = .string(type)
        header["functions"] = .number(JSONNumber(number))
        guard let definition else { return Frame(header, sections: sections) }
        header["sources"] = .array(definition.sources.map { [.string($0.name), .string($0.text)] })
        return Frame(header, sections: [definition.library] + sections)
    }

    fileprivate init(_ header: JSONObject, taking sections: inout ArraySlice<ArraySlice<UInt8>>) throws(FrameError) {
        number = try header.int("functions")
        guard let sources = header["sources"]?.arrayValue else { return }
        guard let library = sections.popFirst() else { throw .malformed("sources without a library") }
        definition = Definition(
            sources: try sources.map { pair throws(FrameError) in
                guard let pair = pair.arrayValue, pair.count == 2, let name = pair[0].stringValue,
                    let text = pair[1].stringValue
                else { throw .malformed("a source without a name and a text") }
                return ScriptSource(name: name, text: text)
            },
            library: library
        )
    }
}

extension ReduceInput {
    /// The groups whose kinds the header says.
    fileprivate static func groups(
        _ header: JSONObject,
        taking sections: inout ArraySlice<ArraySlice<UInt8>>
    ) throws(FrameError) -> [ReduceInput] {
        var groups: [ReduceInput] = []
        for isRereduce in header["rereduces"]?.arrayValue ?? [] {
            if isRereduce.boolValue == true, let reductions = sections.popFirst() {
                groups.append(.reductions(reductions))
            } else if let keys = sections.popFirst(), let values = sections.popFirst() {
                groups.append(.rows(keys: keys, values: values))
            } else {
                throw .malformed("a group without rows")
            }
        }
        return groups
    }
}

extension Evaluation {
    /// A frame in which each binding that comes with its value has a section.
    fileprivate var frame: Frame {
        let described: [JSONValue] = bindings.map { binding in
            [
                .string(binding.name), .number(JSONNumber(binding.version)), .bool(binding.json != nil),
                .bool(binding.isModules),
            ]
        }
        return Frame(
            [
                "type": "evaluate",
                "session": .number(JSONNumber(session)),
                "statements": .bool(isStatements),
                "text": .string(text),
                "where": .string(location.name),
                "line": .number(JSONNumber(location.line)),
                "bindings": .array(described),
                "ended": .array(ended.map { .number(JSONNumber($0)) }),
            ],
            sections: bindings.compactMap(\.json)
        )
    }

    fileprivate init(_ header: JSONObject, sections: ArraySlice<ArraySlice<UInt8>>) throws(FrameError) {
        session = try header.int("session")
        isStatements = header["statements"]?.boolValue ?? false
        text = try header.string("text")
        location = ScriptLocation(try header.string("where"), line: try header.int("line"))
        ended = header["ended"]?.arrayValue?.compactMap(\.intValue) ?? []
        var sections = sections
        var bindings: [Binding] = []
        for described in header["bindings"]?.arrayValue ?? [] {
            guard let described = described.arrayValue, described.count == 4, let name = described[0].stringValue,
                let version = described[1].intValue, let hasValue = described[2].boolValue,
                let isModules = described[3].boolValue
            else { throw .malformed("a binding without a name, a version and two flags") }
            let json = hasValue ? sections.popFirst() : nil
            guard !hasValue || json != nil else { throw .malformed("a binding without its value") }
            bindings.append(Binding(name: name, version: version, json: json, isModules: isModules))
        }
        self.bindings = bindings
    }
}

extension JSONObject {
    /// The integer of that name.
    func int(_ name: String) throws(FrameError) -> Int {
        guard let value = self[name]?.intValue else { throw .malformed("no number '\(name)'") }
        return value
    }

    /// The string of that name.
    func string(_ name: String) throws(FrameError) -> String {
        guard let value = self[name]?.stringValue else { throw .malformed("no text '\(name)'") }
        return value
    }
}
