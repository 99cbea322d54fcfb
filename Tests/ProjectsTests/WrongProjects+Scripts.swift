extension WrongProjects {
    /// JavaScript that is none, wherever it stands.
    static let scripts: [WrongProject] = [
        .steps(
            "  - output: {total: \"=1 +* 2\"}",
            gives: "sequences/wrong.yaml:2:21: an expression is no JavaScript: Unexpected token '*'"
        ),
        .steps(
            "  - output:\n      total: =user ==",
            gives: "sequences/wrong.yaml:3:14: an expression is no JavaScript: Unexpected end of script"
        ),
        .steps(
            "  - if: user = = 'ann'\n    then: []",
            gives: "sequences/wrong.yaml:2:9: an expression is no JavaScript: Unexpected token '='"
        ),
        .steps(
            "  - when: \"'open\"\n    output: {}",
            gives: "sequences/wrong.yaml:2:11: an expression is no JavaScript: Unexpected EOF"
        ),
        .steps(
            "  - js: |\n      const a = 1;\n\n      const b = a +;\n      return b;\n    as: b",
            gives: "sequences/wrong.yaml:5:7: the code is no JavaScript: Unexpected token ';'"
        ),
        .steps(
            "  - js: |\n      if (user) {\n        return 1;\n    as: b",
            gives: "sequences/wrong.yaml:4:7: the code is no JavaScript: Unexpected end of script"
        ),
        .steps(
            "  - set:\n      all: |\n        =[1, 2]\n          .map(x => x *)\n",
            gives: "sequences/wrong.yaml:5:9: an expression is no JavaScript: Unexpected token ')'"
        ),
        .writing(
            "function (doc) {\n  if (doc.type {\n    emit(doc._id);\n  }\n}\n",
            to: "databases/docs/design/listeners/views/orders/map.js",
            gives:
                "databases/docs/design/listeners/views/orders/map.js:2:1: is no JavaScript: Unexpected token '{'. "
                + "Expected ')' to end an 'if' condition."
        ),
        .writing(
            "function (keys, values) {\n  return sum(values;\n}",
            to: "databases/docs/design/listeners/views/orders/reduce.js",
            gives:
                "databases/docs/design/listeners/views/orders/reduce.js:2:1: is no JavaScript: Unexpected token ';'. "
                + "Expected ')' to end an argument list."
        ),
        .writing(
            "(doc, req) => doc.owner === req.userCtx.name &&\n",
            to: "databases/docs/design/listeners/filters/mine.js",
            gives:
                "databases/docs/design/listeners/filters/mine.js:1:1: is no JavaScript: Unexpected end of script"
        ),
        .writing(
            "function (doc, req) { return [doc, 'ok'] ]; }",
            to: "databases/docs/design/listeners/updates/touch.js",
            gives:
                "databases/docs/design/listeners/updates/touch.js:1:1: is no JavaScript: Unexpected token ']'. "
                + "Expected a ';' following a return statement."
        ),
        .writing(
            "function (doc) {\n  throw {forbidden 'no'};\n}",
            to: "databases/docs/design/rules/validate_doc_update.js",
            gives:
                "databases/docs/design/rules/validate_doc_update.js:2:1: is no JavaScript: Unexpected string literal "
                + "'no'. Expected a ':' following the property name 'forbidden'."
        ),
        .writing(
            "exports.a = 1;\nexports.b = function ( { return 2; };\n",
            to: "databases/docs/design/listeners/lib/tools.js",
            gives:
                "databases/docs/design/listeners/lib/tools.js:2:1: is no JavaScript: "
                + "Cannot use abbreviated destructuring syntax for keyword 'return'."
        ),
        .steps(
            "  - output: {deep: =\(String(repeating: "(", count: 100_000))}",
            gives: "sequences/wrong.yaml:2:20: an expression is no JavaScript: Maximum call stack size exceeded."
        ),
    ]
}
