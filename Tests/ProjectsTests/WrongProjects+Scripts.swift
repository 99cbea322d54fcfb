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
        .writing(
            "// Maps orders.\nif (doc.type === 'order') emit(doc._id);\n",
            to: "databases/docs/design/listeners/views/orders/map.js",
            gives:
                "databases/docs/design/listeners/views/orders/map.js:2:1: is no function, but the statement 'if'; "
                + "write function (doc) { … }"
        ),
        .writing(
            "sum(values)",
            to: "databases/docs/design/listeners/views/orders/reduce.js",
            gives:
                "databases/docs/design/listeners/views/orders/reduce.js:1:1: is no function, but a call of 'sum'; "
                + "write function (keys, values, rereduce) { … }"
        ),
        .writing(
            "module.exports = (doc, req) => doc.owner === req.userCtx.name;",
            to: "databases/docs/design/listeners/filters/mine.js",
            gives:
                "databases/docs/design/listeners/filters/mine.js:1:1: is no function, but an assignment to a member "
                + "of 'module', which is not declared; write function (doc, req) { … }"
        ),
        .writing(
            "const touch = function (doc, req) { return [doc, 'ok']; };",
            to: "databases/docs/design/listeners/updates/touch.js",
            gives:
                "databases/docs/design/listeners/updates/touch.js:1:1: is no function, but a declaration; "
                + "write function (doc, req) { … }"
        ),
        .writing(
            "({validate: function (doc) {}})",
            to: "databases/docs/design/rules/validate_doc_update.js",
            gives:
                "databases/docs/design/rules/validate_doc_update.js:1:1: is no function, but an object; "
                + "write function (newDoc, oldDoc, userCtx, secObj) { … }"
        ),
        .writing(
            "exports.round = x => Math.round(x * 100;\n",
            to: "scripts/money.js",
            gives:
                "scripts/money.js:1:1: is no JavaScript: Unexpected token ';'. Expected ')' to end an argument list."
        ),
        .writing(
            "const money = require('./mony');\n",
            to: "scripts/money.js",
            gives: "scripts/money.js:1:1: there is no script 'mony'; did you mean 'money'?"
        ),
        .steps(
            "  - js: |\n      // require('x')\n      return require(\"money\").round(1);\n    as: a",
            gives: "sequences/wrong.yaml:4:7: there is no script 'money'"
        ),
        .writing(
            "exports.a = 1;",
            to: "scripts/my money.js",
            gives: "scripts/my money.js:1:1: 'my money' is no name: letters, digits, '-' and '_' only, a letter first"
        ),
        .steps(
            "  - output: {deep: =\(String(repeating: "(", count: 100_000))}",
            gives: "sequences/wrong.yaml:2:20: an expression is no JavaScript: Maximum call stack size exceeded."
        ),
    ]
}
