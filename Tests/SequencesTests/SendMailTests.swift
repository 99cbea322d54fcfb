import JSON
import Sequences
import Testing

@Suite struct SendMailTests {
    @Test func `a mail is a transaction of its connector`() async throws {
        let effects = RecordingEffects { _, _, _ in ["reply": "ok"] }
        let answer = try await run(
            [
                ["sendMail": ["to": "=x", "subject": "S", "text": "T"], "by": "mail", "as": "sent"],
                ["output": ["sent": "=sent"]],
            ],
            variables: ["x": "ann@example.com"],
            declared: [VariableDefinition(name: "x")],
            effects: effects
        )
        #expect(effects.log == [#"mail.send {"to":"ann@example.com","subject":"S","text":"T"}"#])
        #expect(answer.value["sent"] == ["reply": "ok"])
    }

    @Test func `a mail that is refused can be caught`() async throws {
        let effects = RecordingEffects { _, _, _ in throw SequenceFailure(code: "mail_refused", message: "no") }
        let answer = try await run(
            [["try": [["sendMail": ["to": "a@b.c"], "by": "mail"]], "catch": [["output": ["code": "=error"]]]]],
            effects: effects
        )
        #expect(answer.value["code"]?["code"] == "mail_refused")
    }
}
