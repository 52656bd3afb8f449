// What the engine gives the driver and nobody else: a tenant's code finds no trace of it.
export const native = globalThis.native;
delete globalThis.native;

// Held before tenants' code can put others in their place.
export const { parse, stringify } = JSON;

const { host } = native;

/** Asks the host; the answer's text. */
export function ask(operation, text, bytes) {
    return host(operation, text, bytes).text;
}

/** Asks the host; the answer's bytes. */
export function askBytes(operation, text, bytes) {
    return host(operation, text, bytes).bytes ?? new Uint8Array(0);
}
