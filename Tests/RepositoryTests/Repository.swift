import Foundation

/// The files of this repository.
enum Repository {
    /// Its root, from where this file is.
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// Every Swift file below `directory`, which is named from the root.
    static func sources(_ directory: String) -> [Source] {
        let top = URL(fileURLWithPath: "\(root)/\(directory)").resolvingSymlinksInPath().path
        let paths = FileManager.default.enumerator(atPath: top)?.compactMap { $0 as? String } ?? []
        return paths.filter { $0.hasSuffix(".swift") && !$0.contains(".build/") }.sorted().compactMap { path in
            guard let text = try? String(contentsOfFile: "\(top)/\(path)", encoding: .utf8) else { return nil }
            return Source(path: "\(directory)/\(path)", text: text)
        }
    }

    /// Every Swift file of ours.
    static let allSources = ["Services", "Shared", "Tests", "compose"].flatMap(sources)
}

/// A Swift file.
struct Source: Sendable {
    /// From the root.
    let path: String
    let lines: [String]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// The modules that it imports.
    var imports: [String] {
        lines.compactMap { line in
            guard line.contains("import "), let match = line.firstMatch(of: Self.importLine) else { return nil }
            return String(match.module)
        }
    }

    private static var importLine: Regex<(Substring, module: Substring)> {
        #/
        ^(?:@\w+(?:\(\w+\))?\ +)*
        (?:(?:public|package|internal|fileprivate|private)\ +)?
        import\ +
        (?:(?:struct|class|enum|protocol|func|var|typealias)\ +)?
        (?<module>\w+)
        /#
    }
}
