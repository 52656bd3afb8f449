// The event loop of one run: promise jobs, timers, and requests under way. Only a request takes time to wait for.
import { ask, native, parse, stringify } from "./natives.js";
import { log } from "./globals/console.js";
import { runNextTimer, untilNextTimer } from "./globals/timers.js";
import { describe } from "./errors.js";

const requests = new Map();
let rejections = [];

/** Runs jobs, timers and answers to requests until `isDone()`, or until nothing is left to wait for. */
export function runUntil(isDone) {
    for (;;) {
        native.runJobs();
        if (isDone()) return;
        if (rejections.length > 0) throw rejections.shift().reason;
        if (requests.size > 0) waitForRequest();
        else if (untilNextTimer() !== null) runNextTimer();
        else return;
    }
}

function waitForRequest() {
    const { text, bytes } = native.host("wait", `{"timeout_ms":${untilNextTimer()}}`);
    if (text === "timeout") return runNextTimer();
    const answer = parse(text);
    const settle = requests.get(answer.handle);
    requests.delete(answer.handle);
    settle?.(answer, bytes ?? new Uint8Array(0));
}

/** Starts a request; `settle(answer, bytes)` is called when it is done, however it ended. */
export function startRequest(request, body, settle) {
    requests.set(ask("fetch.start", stringify(request), body), settle);
}

native.onUnhandledRejection((promise, reason, handled) => {
    if (handled) rejections = rejections.filter((each) => each.promise !== promise);
    else rejections.push({ promise, reason });
});

/** What a finished rule's promises came to that nobody looked at: worth a line, too late for more. */
export function reportRejections() {
    for (const { reason } of rejections) log("warn", `a promise was rejected and nothing handled it: ${describe(reason)}`);
    rejections = [];
}
