// What npm packages look for while they are evaluated, which is before anything else here.
import { Buffer } from "buffer/";
import { timerGlobals } from "./timers.js";

for (const [name, value] of Object.entries({ ...timerGlobals, Buffer, global: globalThis })) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}

// As much of Node's `process` as npm packages look at. There is no environment, and nothing of the host's in it.
globalThis.process = {
    env: {},
    argv: [],
    platform: "linux",
    version: "v22.0.0",
    versions: { node: "22.0.0" },
    nextTick: (callback, ...rest) => void Promise.resolve().then(() => callback(...rest)),
    cwd: () => "/",
    on() { return this; },
    hrtime: Object.assign(() => [Math.floor(Date.now() / 1000), (Date.now() % 1000) * 1e6], {
        bigint: () => BigInt(Date.now()) * 1000000n,
    }),
    uptime: () => 0,
    memoryUsage: () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0 }),
};
Object.defineProperty(globalThis, "process", { enumerable: false });
