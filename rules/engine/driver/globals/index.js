// What tenants' code finds without asking, put in place once. It takes no space from a run that does not use it.
import { console } from "./console.js";
import { errorClasses } from "../errors.js";
import { configured } from "../state.js";
import { auth0 } from "../modules/auth0.js";
import { seedOnFirstUse } from "./random.js";
import { URL, URLSearchParams } from "./url.js";
import { TextDecoder, TextEncoder } from "./text.js";
import { structuredClone } from "./clone.js";
import { Intl, localeMethods } from "./intl/index.js";
import { AbortController, AbortSignal } from "./abort.js";
import { fetch, Headers, Request, Response } from "./fetch.js";
import { implicit, require } from "../modules/index.js";
import { webcrypto } from "../modules/crypto/index.js";
import { refusedGlobals } from "./refused.js";

const hidden = (value) => ({ value, writable: true, configurable: true, enumerable: false });

function define(values) {
    for (const name of Object.keys(values)) Object.defineProperty(globalThis, name, hidden(values[name]));
}

function defineGetter(name, get) {
    const set = (value) => Object.defineProperty(globalThis, name, hidden(value));
    Object.defineProperty(globalThis, name, { get, set, configurable: true, enumerable: false });
}

define({
    console, ...errorClasses, auth0, require,
    URL, URLSearchParams, TextEncoder, TextDecoder, structuredClone, Intl, AbortController, AbortSignal,
    fetch, Headers, Request, Response, ...implicit,
});
define({ queueMicrotask: (callback) => void Promise.resolve().then(callback) });
defineGetter("configuration", configured);
// Node's `crypto` module, which has all of the Web's `crypto` that rules use.
define({ crypto: webcrypto });
for (const [name, reason] of Object.entries(refusedGlobals)) {
    defineGetter(name, () => {
        throw new Error(`\`${name}\` is not there: ${reason}`);
    });
}
localeMethods();
seedOnFirstUse();
