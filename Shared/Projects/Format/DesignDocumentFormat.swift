import CouchProtocol
import JSON
import Sequences

extension ProjectReader {
    /// What `reduce` may be, as it is told.
    private static let reduces = ReduceName.fixed + ReduceName.ranked.map { "\($0)<number>" }

    /// Makes a design document of the files of its folder.
    ///
    /// `views/<view>/map.js` with `reduce.js`, or `view.yaml` (`reduce: _count`); `filters/<filter>.js`;
    /// `updates/<update>.js`; `validate_doc_update.js`; `lib/<module>.js`, which maps `require('views/lib/<module>')`
    /// and all other functions `require('lib/<module>')`.
    func readDesignDocument(_ name: String, paths: [String], folder: String) -> JSONObject? {
        guard !name.isEmpty, !name.hasPrefix("_"), name.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            problems.report("'\(name)' is no name of a design document", at: start(of: "\(folder)/\(paths[0])"))
            return nil
        }
        var views: JSONObject = [:]
        var filters: JSONObject = [:]
        var updates: JSONObject = [:]
        var modules: JSONObject = [:]
        var document: JSONObject = ["_id": .string("_design/\(name)"), "language": "javascript"]
        for path in paths.sorted() {
            let file = "\(folder)/\(path)"
            let parts = path.split(separator: "/").map(String.init)
            switch (parts.count, parts[0]) {
            case (3, "views"): readViewFile(parts[2], of: parts[1], file: file, into: &views)
            case (2, "filters") where path.hasSuffix(".js"): filters[stem(parts[1])] = code(of: file)
            case (2, "updates") where path.hasSuffix(".js"): updates[stem(parts[1])] = code(of: file)
            case (2, "lib") where path.hasSuffix(".js"): modules[stem(parts[1])] = code(of: file)
            case (1, "validate_doc_update.js"): document["validate_doc_update"] = code(of: file)
            default:
                problems.report(
                    "is not read: a design document has views/<view>/map.js, reduce.js and view.yaml, "
                        + "filters/<filter>.js, updates/<update>.js, lib/<module>.js and validate_doc_update.js",
                    at: start(of: file),
                    suggestion: nearestName(to: parts[0], among: Self.names).map { "did you mean '\($0)'?" }
                )
            }
        }
        for (view, definition) in views where definition["map"] == nil {
            problems.report(
                "the view '\(view)' has no map.js",
                at: start(of: "\(folder)/\(paths.first { $0.hasPrefix("views/\(view)/") } ?? "views/\(view)")")
            )
        }
        if !modules.isEmpty {
            document["lib"] = .object(modules)
            if !views.isEmpty { views["lib"] = .object(modules) }
        }
        if !views.isEmpty { document["views"] = .object(views) }
        if !filters.isEmpty { document["filters"] = .object(filters) }
        if !updates.isEmpty { document["updates"] = .object(updates) }
        return document
    }

    /// What stands in the folder of a design document.
    private static let names = ["views", "filters", "updates", "lib", "validate_doc_update.js"]

    private func readViewFile(_ name: String, of view: String, file: String, into views: inout JSONObject) {
        guard view != "lib" else {
            problems.report("a view may not be called 'lib'", at: start(of: file))
            return
        }
        var definition = views[view]?.objectValue ?? [:]
        func setReduce(_ value: JSONValue?) {
            if definition["reduce"] != nil {
                problems.report("the view '\(view)' has two reduces: reduce.js and view.yaml", at: start(of: file))
            }
            definition["reduce"] = value
        }
        switch name {
        case "map.js": definition["map"] = code(of: file)
        case "reduce.js":
            if let name = reduceName(in: file) {
                checkReduce(name, at: start(of: file))
                setReduce(.string(name))
            } else {
                setReduce(code(of: file))
            }
        case "view.yaml":
            guard var members = members(of: file, subject: "a view") else { return }
            if let reduce = members.text("reduce") {
                checkReduce(reduce, at: members.position(of: "reduce"))
                setReduce(.string(reduce))
            }
            members.finish()
        default:
            problems.report(
                "is not read: a view has map.js, reduce.js and view.yaml",
                at: start(of: file),
                suggestion: nearestName(to: name, among: ["map.js", "reduce.js", "view.yaml"]).map {
                    "did you mean '\($0)'?"
                }
            )
        }
        views[view] = .object(definition)
    }

    /// The name of one of CouchDB's reduces, as design documents have it, with a line's end behind it; nil for code.
    private func reduceName(in file: String) -> String? {
        let words = (files[file] ?? "").split(whereSeparator: \.isWhitespace)
        guard words.count == 1, words[0].hasPrefix("_") else { return nil }
        return String(words[0])
    }

    /// The JavaScript of a design document's files.
    func scripts(ofDesign paths: [String], folder: String) -> [ProjectScript] {
        paths.sorted().compactMap { path in
            let file = "\(folder)/\(path)"
            guard path.hasSuffix(".js"), let text = files[file], !text.allSatisfy(\.isWhitespace),
                !path.hasSuffix("/reduce.js") || reduceName(in: file) == nil
            else { return nil }
            let form: ProjectScript.Form = path.hasPrefix("lib/") ? .module : .function
            return ProjectScript(form: form, text: text, position: start(of: file), hasLines: true)
        }
    }

    /// Reports the name of a reduce that there is not.
    private func checkReduce(_ name: String, at position: SourcePosition) {
        let isWhole = ReduceName.fixed.contains(name) || ReduceName.ranked.contains(where: name.hasPrefix)
        do throws(CouchError) {
            try ReduceName.check(name)
            if isWhole { return }
        } catch {
            if isWhole {
                problems.report("'reduce': \(error.reason)", at: position)
                return
            }
        }
        problems.reportUnknown(
            "'reduce' must be one of \(Self.reduces.joined(separator: ", ")); JavaScript goes into reduce.js",
            name: name,
            among: Self.reduces,
            at: position
        )
    }

    /// The JavaScript of a file.
    private func code(of file: String) -> JSONValue {
        let text = files[file] ?? ""
        if text.allSatisfy(\.isWhitespace) { problems.report("the file is empty", at: start(of: file)) }
        return .string(text)
    }

    private func stem(_ file: String) -> String { String(file.dropLast(3)) }
}
