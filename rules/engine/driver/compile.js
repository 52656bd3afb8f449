// From a tenant's source to bytecode and what is known of it, or to a problem with the place to look at.
import { native, stringify } from "./natives.js";
import { asFailure, messageOf } from "./errors.js";
import { exported } from "./dialects/modules.js";
import { exportsSomething, requirements, tokens } from "./tokens.js";
import { findModule } from "./modules/index.js";
import { runUntil } from "./loop.js";

const HANDLERS = ["onExecutePostLogin", "onExecuteCredentialsExchange"];

/** More of them nobody mends in one go. */
const MOST_PROBLEMS = 50;

/** `[facts as JSON, bytecode]`; all problems that are found are thrown, as JSON. */
export function compile(name, source) {
    const problems = [];
    try {
        const compiled = compileText(name, source.replace(/^\uFEFF/, ""), problems);
        if (problems.length === 0) return compiled;
    } catch (error) {
        problems.push(error instanceof Problem ? error : { message: messageOf(error) });
    }
    throw stringify(problems);
}

class Problem {
    constructor(message, place = {}) {
        this.message = message;
        Object.assign(this, place);
    }
}

/** Problems that leave something to look at go to `problems`, the last one is thrown. */
function compileText(name, source, problems) {
    const list = tokens(source);
    const required = checkRequirements(list, source, problems);
    const isModule = exportsSomething(list);
    const text = isModule
        ? `(function (exports, module, require) {\n\n${source}\n})`
        : `(\n\n${withoutLastSemicolon(list, source)}\n)`;
    let bytecode;
    try {
        // So that the source's first line is 1; to the engine 0 means that nothing is said.
        bytecode = native.compile(text, name, -1);
    } catch (error) {
        throw isModule || looksClassic(list) ? syntaxProblem(error, source, list) : notARule(list, source);
    }
    // What runs outside of functions would run into what is not there.
    if (problems.length > 0) return undefined;
    const facts = isModule ? factsOfModule(bytecode, source) : factsOfClassic(bytecode, list, source);
    return [stringify({ ...facts, requires: required }), bytecode];
}

function checkRequirements(list, source, problems) {
    const required = new Set();
    for (const { name, at } of requirements(list)) {
        if (required.has(name)) continue;
        required.add(name);
        try {
            findModule(name);
        } catch (error) {
            problems.push(new Problem(error.message, placeAt(source, at)));
            if (problems.length === MOST_PROBLEMS) break;
        }
    }
    return [...required];
}

/** Where they come from it would be an error; it is what editors and formatters write. */
function withoutLastSemicolon(list, source) {
    let end = list.length;
    while (end > 0 && list[end - 1].text === ";") end--;
    const first = list[end];
    return first ? source.slice(0, first.at) + source.slice(first.at).replace(/;/g, " ") : source;
}

const CLASSIC = "function (user, context, callback) {…}";

const looksClassic = ([first, second]) =>
    first === undefined || ["function", "async", "("].includes(first.text) || second?.text === "=";

function factsOfClassic(bytecode, list, source) {
    if (list.length === 0) throw new Problem(`there is no rule in it: a classic rule is \`${CLASSIC}\``);
    if (typeof evaluate(() => native.load(bytecode), source) === "function") return { dialect: "classic" };
    throw notARule(list, source);
}

const notARule = (list, source) => new Problem(
    `this is not a rule: it is neither one function, \`${CLASSIC}\`, nor does it export one ` +
    "(`module.exports = function …`, `exports.onExecutePostLogin = …`)",
    placeAt(source, list[0].at),
);

function factsOfModule(bytecode, source) {
    const found = evaluate(() => exported(native.load(bytecode)), source);
    if (typeof found === "function") return factsOfFunction(found);
    const handlers = HANDLERS.filter((name) => typeof found?.[name] === "function");
    if (handlers.length > 0) return { dialect: "action", handlers };
    const names = Object.keys(found ?? {}).map((name) => `\`${name}\``).join(", ") || "nothing";
    throw new Problem(
        `it exports ${names}, and should export \`onExecutePostLogin\`, \`onExecuteCredentialsExchange\` or one function`,
    );
}

function factsOfFunction(found) {
    if (found.length === 6) return { dialect: "password-exchange" };
    if (found.length === 5) return { dialect: "client-credentials-exchange" };
    throw new Problem(
        `the exported function takes ${found.length} arguments: it is either (user, client, scope, audience, context, cb) ` +
        `or (client, scope, audience, context, cb); a classic rule is not exported, it is just \`${CLASSIC}\``,
    );
}

/** Runs what is outside all functions, with no host behind it. */
function evaluate(run, source) {
    try {
        const value = run();
        runUntil(() => true);
        return value;
    } catch (error) {
        const { name, message, position } = asFailure(error);
        const [line, column] = (position ?? "").split(":").slice(-2).map(Number);
        throw new Problem(
            `the code outside its functions failed: ${name}: ${message}`,
            line > 0 && column > 0 ? place(source, line, column) : {},
        );
    }
}

function syntaxProblem(error, source, list) {
    const found = /:(\d+)(?::(\d+))?\)?\s*$/m.exec(error.stack ?? "");
    const line = error.lineNumber ?? Number(found?.[1] ?? 0);
    const column = error.columnNumber ?? Number(found?.[2] ?? 1);
    let message = messageOf(error);
    if (list[0]?.text === "import" || list.some(({ text, depth }) => text === "export" && depth === 0)) {
        message += "; rules are scripts: use `require` and `exports`";
    }
    const last = source.split("\n").length;
    // What is missing at the end is only noticed in the line that closes the wrapper.
    if (line > last) return new Problem(`${message}; the source ends too early`, place(source, last, Infinity));
    return new Problem(message, line > 0 ? place(source, line, column) : {});
}

function placeAt(source, at) {
    const before = source.slice(0, at).split("\n");
    return place(source, before.length, before.at(-1).length + 1);
}

/** A place with the line it is in and a caret under it. */
function place(source, line, wanted) {
    const text = (source.split("\n")[line - 1] ?? "").replace(/\r$/, "");
    const column = Math.min(wanted, text.length + 1);
    const from = Math.max(0, column - 60);
    const shown = text.slice(from, from + 100);
    const indent = shown.slice(0, column - 1 - from).replace(/[^\t]/g, " ");
    return { line, column, caret: `${shown}\n${indent}^` };
}
