// `console`: every call is a line of the rule's log.
import { native } from "../natives.js";
import { describe } from "../errors.js";
import { format, inspect } from "../modules/util.js";

const { host } = native;

export function log(level, message) {
    // One call is one line, a stack trace and an object of many lines included.
    host(`log.${level}`, message.includes("\n") ? message.replace(/\n\s*/g, " ") : message);
}

const write = (level) => (...values) => {
    const [first] = values;
    if (values.length === 1 && typeof first === "string") return log(level, first);
    const shown = values.map((value) => (value instanceof Error ? describe(value) : value));
    // What is to be formatted begins with a text; else texts stand for themselves and all others are shown.
    if (typeof first === "string") return log(level, format(...shown));
    log(level, shown.map((value) => (typeof value === "string" ? value : inspect(value))).join(" "));
};

const none = () => {};
const counts = { __proto__: null };

export const console = {
    log: write("info"),
    info: write("info"),
    debug: write("debug"),
    warn: write("warn"),
    error: write("error"),
    dir: (value) => write("info")(value),
    table: (value) => write("info")(value),
    trace: (...values) => write("debug")(describe(Object.assign(new Error(format(...values)), { name: "Trace" }))),
    assert: (condition, ...values) => {
        if (!condition) write("error")("Assertion failed", ...values);
    },
    count: (label = "default") => write("info")(`${label}: ${(counts[label] = (counts[label] ?? 0) + 1)}`),
    group: write("info"),
    groupEnd: none,
    time: none,
    timeEnd: none,
    timeLog: none,
};
