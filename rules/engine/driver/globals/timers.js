// Timers on a clock of their own: it stands still while a rule computes, and jumps when all wait for a timer.
import { native } from "../natives.js";

/** How long the rules of one run may wait in all: what they had where they come from. */
const MOST_MS = 20_000;

let start = 0;
let now = 0;
let timers = [];
let nextId = 1;

export function startAt(milliseconds) {
    start = now = milliseconds;
    native.setClock(now);
}

/** How long until the next timer; null if there is none. */
export const untilNextTimer = () => (timers.length > 0 ? Math.max(0, timers[0].at - now) : null);

/** Lets the next timer's time come, and runs it. */
export function runNextTimer() {
    const timer = timers.shift();
    if (timer.at - start > MOST_MS) throw new Error(`the rules waited longer than ${MOST_MS / 1000} s for timers`);
    if (timer.at > now) native.setClock(now = timer.at);
    if (timer.every !== undefined) insert({ ...timer, at: now + timer.every });
    timer.run();
}

function insert(timer) {
    let place = timers.length;
    while (place > 0 && timers[place - 1].at > timer.at) place--;
    timers.splice(place, 0, timer);
}

class Timeout {
    constructor(id) {
        this.id = id;
    }
    ref() { return this; }
    unref() { return this; }
    hasRef() { return true; }
    [Symbol.toPrimitive]() { return this.id; }
}

function add(what, milliseconds, every, callback, rest) {
    if (typeof callback !== "function") throw new TypeError(`${what}: the callback must be a function`);
    const id = nextId++;
    insert({ id, at: now + milliseconds, every, run: () => callback(...rest) });
    return new Timeout(id);
}

// As elsewhere: not a number, negative or beyond 31 bits is one millisecond.
const delay = (given) => (given >= 1 && given <= 0x7fffffff ? Math.trunc(given) : 1);

function clear(timer) {
    const id = typeof timer === "object" && timer !== null ? timer.id : Number(timer);
    timers = timers.filter((each) => each.id !== id);
}

export const timerGlobals = {
    setTimeout: (callback, after, ...rest) => add("setTimeout", delay(after), undefined, callback, rest),
    setInterval: (callback, every, ...rest) => add("setInterval", delay(every), delay(every), callback, rest),
    setImmediate: (callback, ...rest) => add("setImmediate", 0, undefined, callback, rest),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: clear,
};
