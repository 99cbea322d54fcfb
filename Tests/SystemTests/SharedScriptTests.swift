import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// JavaScript that the sequences of a project share.
    @Suite(.timeLimit(.minutes(30))) struct SharedScriptTests {
        private func deploy(_ project: String, _ files: JSONObject) async throws -> RunningSystem {
            let system = try await RunningSystem.shared
            var all = files
            all["project.yaml"] = .string("project: \(project)\n")
            let answer = try await system.administrator.send(
                "PUT",
                "/_fullsync/projects/\(project)",
                ["files": .object(all)]
            )
            try #require(answer.status == 200, "\(answer.json)")
            return system
        }

        @Test func `each project's expressions have its own modules, and a version its own`() async throws {
            let (first, second) = (uniqueID("shared"), uniqueID("shared"))
            _ = try await deploy(
                second,
                [
                    "scripts/tax.js": "exports.name = 'second';\n",
                    "sequences/name.yaml": "steps: [{return: =require('tax').name}]\n",
                ]
            )
            var files: JSONObject = [
                "scripts/tax.js": """
                const { round } = require('./money');
                exports.name = 'first';
                exports.of = (lines, rate) => round(lines.reduce((sum, line) => sum + line.price, 0) * rate);
                """,
                "scripts/money.js": "exports.round = x => Math.round(x * 100) / 100;\nexports.bad = x => x.y.z;\n",
                "sequences/sum.yaml": .string(
                    """
                    access: public
                    variables: {lines: {type: object, multi: true}}
                    steps:
                      - js: |
                          const { of } = require('tax');
                          return of(lines, 0.19);
                        as: tax
                      - if: require('tax').of(lines, 1) > 10
                        then: [{set: {much: true}}]
                        else: [{set: {much: false}}]
                      - callSequence: \(second)/name
                        as: other
                      - output: {tax: =tax, much: =much}
                      - output: {names: "=[require('tax').name, other]"}
                    """
                ),
                "sequences/fails.yaml": "access: public\nsteps: [{output: {a: \"=require('money').bad({})\"}}]\n",
            ]
            let system = try await deploy(first, files)
            let path = "/_fullsync/projects/\(first)/sequences"
            let lines: JSONValue = ["lines": [["price": 10.01], ["price": 5]]]
            let answer = try await system.administrator.send("POST", "\(path)/sum", lines)
            #expect(answer.json == ["tax": 2.85, "much": true, "names": ["first", "second"]], "\(answer.json)")
            let failed = try await system.administrator.send("POST", "\(path)/fails", [:])
            #expect(failed.reason?.contains("(scripts/money.js:2)") == true, "\(failed.json)")
            #expect(failed.json["details"]?["file"] == "sequences/fails.yaml", "\(failed.json)")

            files["scripts/tax.js"] = "exports.name = 'newer';\nexports.of = () => 0;\n"
            _ = try await deploy(first, files)
            let newer = try await system.administrator.send("POST", "\(path)/sum", lines)
            #expect(newer.json["names"] == ["newer", "second"], "\(newer.json)")
        }
    }
}
