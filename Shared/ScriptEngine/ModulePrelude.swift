/// The JavaScript by which expressions get the modules of their project.
///
/// The script's value makes a library of an object with the modules' texts by name: `name` and `text` are those of a
/// number, undefined behind the last; `add` takes the compiled function of one; `require` is what expressions call.
/// A module sees `module`, `exports` and `require`, as CommonJS has it, and nothing of the run: what it does follows
/// from what it is given.
///
/// When a module takes longer than the engine's limit, its `catch` and `finally` are passed over and the library is not
/// to be used any more.
enum ModulePrelude {
    static let source = #"""
        (function () {
          "use strict";
          const { freeze, create, keys } = Object;
          const { apply, ownKeys, getOwnPropertyDescriptor } = Reflect;
          const { isView } = ArrayBuffer;
          const { has, add } = WeakSet.prototype;

          // Goes into what is frozen already, too: its members need not be.
          function deepFreeze(exported, seen) {
            // No recursion: values may be nested more deeply than calls.
            let pending = { value: exported, next: null };
            while (pending !== null) {
              const value = pending.value;
              pending = pending.next;
              if (value === null || typeof value !== "object" && typeof value !== "function") continue;
              // An array over a buffer cannot be frozen.
              if (isView(value) || apply(has, seen, [value])) continue;
              freeze(value);
              apply(add, seen, [value]);
              const names = ownKeys(value);
              for (let index = 0; index < names.length; index++) {
                pending = { value: getOwnPropertyDescriptor(value, names[index]).value, next: pending };
              }
            }
          }

          return function (texts) {
            const names = keys(texts);
            const bodies = create(null);
            const frozen = new WeakSet();
            // What those export that are complete.
            const loaded = create(null);
            // Those that run, and what they have asked for; null while none runs.
            let loading = null;
            // The names of those that were entered there, the last one first.
            let entered = null;

            // When it fails, so does what was entered since: in a circle that holds what is not complete.
            function run(name) {
              const before = entered;
              const module = { id: name, exports: {} };
              // Stands there before the module runs, so that modules may require one another in a circle.
              loading[name] = module;
              entered = { name, next: before };
              try {
                apply(bodies[name], undefined, [module, module.exports, require]);
              } catch (error) {
                for (; entered !== before; entered = entered.next) delete loading[entered.name];
                throw error;
              }
            }

            // When it fails, so does what it has asked for: that may hold what is not complete.
            function load(name) {
              loading = create(null);
              entered = null;
              try {
                run(name);
                // Not one by one: in a circle one is complete before the others are.
                const ready = keys(loading);
                for (let index = 0; index < ready.length; index++) deepFreeze(loading[ready[index]].exports, frozen);
                for (let index = 0; index < ready.length; index++) loaded[ready[index]] = loading[ready[index]].exports;
              } finally {
                loading = null;
              }
            }

            function require(path) {
              let name = String(path);
              if (name[0] === "." && name[1] === "/") name = name.slice(2);
              if (!(name in bodies)) throw new Error("there is no script '" + name + "'");
              if (!(name in loaded)) {
                if (loading !== null) {
                  if (!(name in loading)) run(name);
                  return loading[name].exports;
                }
                load(name);
              }
              return loaded[name];
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
