/// The JavaScript by which expressions get the modules of their project.
///
/// The script's value makes a library of an object with the modules' texts by name: `name` and `text` are those of a
/// number, undefined behind the last; `add` takes the compiled function of one; `require` is what expressions call.
/// A module sees `module`, `exports` and `require`, as CommonJS has it, and nothing of the run: what it does follows
/// from what it is given.
enum ModulePrelude {
    static let source = #"""
        (function () {
          "use strict";
          const { freeze, isFrozen, create, keys } = Object;
          const { apply, ownKeys, getOwnPropertyDescriptor } = Reflect;

          function deepFreeze(value) {
            if (value === null || typeof value !== "object" && typeof value !== "function" || isFrozen(value)) return;
            freeze(value);
            const names = ownKeys(value);
            for (let index = 0; index < names.length; index++) {
              deepFreeze(getOwnPropertyDescriptor(value, names[index]).value);
            }
          }

          return function (texts) {
            const names = keys(texts);
            const bodies = create(null);
            const modules = create(null);
            let depth = 0;

            function load(name) {
              const module = { id: name, exports: {} };
              // Stands there before the module runs, so that modules may require one another in a circle.
              modules[name] = module;
              depth += 1;
              try {
                apply(bodies[name], undefined, [module, module.exports, require]);
              } catch (error) {
                delete modules[name];
                throw error;
              } finally {
                depth -= 1;
              }
              // Those of a circle when all of them are there.
              if (depth === 0) for (const name in modules) deepFreeze(modules[name].exports);
            }

            function require(path) {
              let name = String(path);
              if (name[0] === "." && name[1] === "/") name = name.slice(2);
              if (!(name in bodies)) throw new Error("there is no script '" + name + "'");
              if (!(name in modules)) load(name);
              return modules[name].exports;
            }

            return {
              name(index) { return names[index]; },
              text(index) { return texts[names[index]]; },
              add(index, body) { bodies[names[index]] = body; },
              require: freeze(require),
            };
          };
        })()
        """#
}
