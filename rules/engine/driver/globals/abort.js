// `AbortController` and `AbortSignal`, as far as `fetch` and axios listen to them.
import { timerGlobals } from "./timers.js";

const aborted = () => new DOMException("This operation was aborted", "AbortError");

export class AbortSignal {
    aborted = false;
    reason = undefined;
    onabort = null;
    #listeners = new Set();
    addEventListener(type, listener) {
        if (type === "abort") this.#listeners.add(listener);
    }
    removeEventListener(type, listener) {
        this.#listeners.delete(listener);
    }
    throwIfAborted() {
        if (this.aborted) throw this.reason;
    }
    _abort(reason = aborted()) {
        if (this.aborted) return;
        this.aborted = true;
        this.reason = reason;
        const event = { type: "abort", target: this };
        this.onabort?.(event);
        for (const listener of this.#listeners) listener.call(this, event);
    }
    static abort(reason) {
        const signal = new AbortSignal();
        signal._abort(reason);
        return signal;
    }
    static timeout(milliseconds) {
        const signal = new AbortSignal();
        const late = () => signal._abort(new DOMException("The operation was aborted due to timeout", "TimeoutError"));
        timerGlobals.setTimeout(late, milliseconds);
        return signal;
    }
}

export class AbortController {
    signal = new AbortSignal();
    abort(reason) {
        this.signal._abort(reason);
    }
}
