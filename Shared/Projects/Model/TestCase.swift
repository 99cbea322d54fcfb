package import CouchProtocol
package import JSON
package import Sequences

/// A call of a sequence with what is to come of it, for `fullsync test`.
package struct TestCase: Sendable {
    /// Whom the call is made for.
    package struct Caller: Sendable, Hashable {
        package let user: String
        /// The groups that the user is taken to be in; nil for those that the directory says.
        package let groups: [String]?
    }

    /// What is to come of the call.
    package enum Expectation: Sendable {
        /// Any answer.
        case success
        /// This answer and no other.
        case answer(JSONValue)
        /// An answer that the Mango selector matches.
        case match(Selector, JSONValue)
        /// A failure with this code.
        case failure(String)
    }

    /// The name of the file, without its ending.
    package let file: String
    package let name: String
    package let sequence: String
    /// Nil for an administrator, for whom the sequence runs without a user.
    package let caller: Caller?
    package let variables: JSONObject
    package let expectation: Expectation
    /// For how long the call is repeated until what is expected comes: what listeners do takes a moment.
    package let patience: Duration
    package let position: SourcePosition
    package let variablesPosition: SourcePosition
}

extension TestCase.Expectation {
    /// Whether this is what came.
    ///
    /// - Parameter outcome: The answer, or the code of the failure.
    package func holds(of outcome: Result<JSONValue, TestCase.Failed>) -> Bool {
        switch (self, outcome) {
        case (.success, .success): true
        case (.answer(let expected), .success(let answer)): answer == expected
        case (.match(let selector, _), .success(let answer)): selector.matches(answer)
        case (.failure(let code), .failure(let failed)): failed.code == code
        default: false
        }
    }

    /// What is expected, in words.
    package var description: String {
        switch self {
        case .success: "an answer"
        case .answer(let value): value.text
        case .match(_, let selector): "what matches \(selector.text)"
        case .failure(let code): "a failure '\(code)'"
        }
    }
}

extension TestCase {
    /// A call that failed.
    package struct Failed: Error, Sendable, Hashable {
        package let code: String
        package let message: String

        package init(code: String, message: String) {
            self.code = code
            self.message = message
        }
    }
}
