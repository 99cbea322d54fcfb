import CouchProtocol
import JSON
import Sequences

/// What is wrong with a constant that a step gives a transaction, and what its author probably meant.
struct ConstantFault {
    let message: String
    let suggestion: String?
}

extension FullSyncTransaction {
    /// What is wrong with the value of a variable that takes certain words; nil when nothing is, or when the variable
    /// takes any value of its type.
    ///
    /// The transaction says the same when it is called; here it is told before anything is deployed.
    func fault(of value: JSONValue, for variable: String) -> ConstantFault? {
        switch (self, variable) {
        case (_, "policy"):
            Self.fault(of: value, variable, among: Policy.allCases.map(\.rawValue))
        case (_, "owner") where value.objectValue != nil:
            value["name"]?.stringValue == nil
                ? ConstantFault(message: "'owner' needs the name of the owner: {name: …}", suggestion: nil) : nil
        case (_, "owner"):
            Self.fault(of: value, variable, among: ["user", "anonymous", "keep"], or: "{name: …}")
        case (_, "groups"):
            Self.isList(value) ? nil : Self.fault(of: value, variable, among: ["keep"], or: "a list of names")
        case (_, "mergeRules"):
            value.objectValue?.lazy.filter { $0.0 != "_separator" }.compactMap { path, rule in
                Self.fault(of: rule, "mergeRules.\(path)", among: MergeRule.Action.allCases.map(\.rawValue))
            }.first
        case (.getDocument, "openRevs"):
            Self.isList(value) ? nil : Self.fault(of: value, variable, among: ["all"], or: "a list of revisions")
        case (.getAttachment, "as"):
            Self.fault(of: value, variable, among: ["base64", "text"])
        case (.getView, "update"):
            Self.fault(of: value, variable, among: ["true", "false", "lazy"])
        case (.getView, "stale"):
            Self.fault(of: value, variable, among: ["ok", "update_after"])
        default: nil
        }
    }

    private static func isList(_ value: JSONValue) -> Bool {
        value.arrayValue?.allSatisfy { $0.stringValue != nil } ?? false
    }

    private static func fault(
        of value: JSONValue,
        _ name: String,
        among words: [String],
        or other: String? = nil
    ) -> ConstantFault? {
        let text = value.stringValue
        guard !words.contains(where: { $0 == text }) else { return nil }
        let known = words.joined(separator: ", ") + (other.map { ", or \($0)" } ?? "")
        return ConstantFault(
            message: words.count == 1 ? "'\(name)' must be \(known)" : "'\(name)' must be one of \(known)",
            suggestion: text.flatMap { nearestName(to: $0, among: words) }.map { "did you mean '\($0)'?" }
        )
    }
}
