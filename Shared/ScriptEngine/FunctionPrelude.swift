/// The JavaScript that stands around a design document's functions.
///
/// The script's value is a function of the library, the object in which `require` looks for modules. What that
/// returns are the calls that ``FunctionEnvironment`` makes. `require`, `sum`, `toJSON` and `log` do what those of
/// CouchDB's `share/server` do. The built-in objects that the prelude uses are taken before any other script runs.
enum FunctionPrelude {
    static let source = #"""
        (function (library) {
          "use strict";
          const { stringify } = JSON;
          const { isArray } = Array;
          const { apply, defineProperty } = Reflect;
          const { hasOwn, create } = Object;
          const { slice, split, lastIndexOf, replace } = String.prototype;
          const evaluate = eval;
          const modules = create(null);
          let rows = null;
          let lines = [];

          function emit(key, value) {
            if (rows === null) throw new Error("emit is for map functions");
            rows[rows.length] = key;
            rows[rows.length] = value;
          }

          function toJSON(value) {
            const text = stringify(value);
            return text === undefined ? "null" : text;
          }

          function log(message) {
            if (lines.length >= 20) return;
            const text = typeof message === "string" ? message : toJSON(message);
            lines[lines.length] = apply(slice, text, [0, 1000]);
          }

          function sum(values) {
            let total = 0;
            for (const index in values) total += values[index];
            return total;
          }

          function invalidPath(message) {
            const error = new Error(message);
            error.name = "invalid_require_path";
            return error;
          }

          function resolve(names, module, root) {
            if (names.length === 0) {
              if (typeof module.current !== "string") {
                throw invalidPath("Must require a JavaScript string, not: " + typeof module.current);
              }
              return { current: module.current, parent: module.parent, id: module.id, exports: {} };
            }
            const [name, ...rest] = names;
            if (name === "..") {
              if (!(module.parent && module.parent.parent)) throw invalidPath("Object has no parent");
              const id = module.id;
              return resolve(rest, {
                id: apply(slice, id, [0, apply(lastIndexOf, id, ["/"])]),
                parent: module.parent.parent,
                current: module.parent.current,
              });
            }
            if (name === ".") {
              if (!module.parent) throw invalidPath("Object has no parent");
              return resolve(rest, { parent: module.parent, current: module.current, id: module.id });
            }
            if (root) module = { current: root };
            const holder = module.current;
            if (holder === null || typeof holder !== "object" || !hasOwn(holder, name)) {
              throw invalidPath('Object has no property "' + name + '"');
            }
            return resolve(rest, {
              current: holder[name],
              parent: module,
              id: module.id ? module.id + "/" + name : name,
            });
          }

          function load(path, from) {
            const module = resolve(apply(split, String(path), ["/"]), from.parent || {}, library);
            if (!(module.id in modules)) {
              // Stands there before the module runs, so that modules may require one another in a circle.
              modules[module.id] = module.exports;
              const url = apply(replace, module.id, [/[\s*]/g, " "]);
              try {
                const body = evaluate(
                  "(function (module, exports, require) {" + module.current + "\n})\n//# sourceURL=" + url);
                apply(body, undefined, [module, module.exports, (next) => load(next, module)]);
              } catch (error) {
                delete modules[module.id];
                throw error;
              }
              modules[module.id] = module.exports;
            }
            return modules[module.id];
          }

          function require(path) {
            return load(path, {});
          }

          const tools = { emit, isArray, log, require, sum, toJSON };
          for (const name in tools) defineProperty(globalThis, name, { value: tools[name] });

          return {
            map(body, doc) {
              const found = rows = [];
              try {
                body(doc);
                // What a toJSON emitted would have no place in the rows that are being written.
                rows = null;
                let text = found.length / 2 + "\n";
                for (let index = 0; index < found.length; index++) text += toJSON(found[index]) + "\n";
                return text;
              } finally {
                rows = null;
              }
            },
            reduce(body, keys, values, rereduce) {
              return toJSON(body(keys, values, rereduce));
            },
            filter(body, doc, request) {
              return body(doc, request) ? true : false;
            },
            takeLog() {
              const text = lines.length > 0 ? toJSON(lines) : "";
              lines = [];
              return text;
            },
          };
        })
        """#
}
