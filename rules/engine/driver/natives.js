// What the engine gives the driver and nobody else: a tenant's code finds no trace of it.
export const native = globalThis.native;
delete globalThis.native;

// `ask` asks the host for a text. The others are what `JSON` has, sooner, and nobody can replace them; `texts` gives
// an object's properties as JSON, `textsOf` those of some names, and `changes` the effects that make one from another.
export const { ask, changes, parse, stringify, texts, textsOf } = native;

const { host } = native;

/** Asks the host; the answer's bytes. */
export function askBytes(operation, text, bytes) {
    return host(operation, text, bytes).bytes ?? new Uint8Array(0);
}
