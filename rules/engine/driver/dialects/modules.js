// Programs that export: their top level runs with `exports`, `module` and `require`.
import { require } from "../modules/index.js";

/** What the program exports. */
export function exported(wrapper) {
    const module = { exports: {} };
    wrapper.call(module.exports, module.exports, module, require);
    return module.exports;
}
