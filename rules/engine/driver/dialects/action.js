// Actions: `exports.onExecutePostLogin = async (event, api) => {…}` and `onExecuteCredentialsExchange`.
import { Denied } from "../errors.js";
import { api, beginAction, endAction } from "./api.js";
import { exported } from "./modules.js";
import { reportRejections, runUntil } from "../loop.js";
import { configured, exchange } from "../state.js";

const { defineProperty } = Object;
const asked = { get: configured, enumerable: true, configurable: true };

export function runAction(load) {
    const hasUser = exchange.user_id !== null;
    const name = hasUser ? "onExecutePostLogin" : "onExecuteCredentialsExchange";
    const handler = exported(load())[name];
    if (typeof handler !== "function") {
        throw new Error(`the Action has no handler for this exchange: it does not export \`${name}\``);
    }
    beginAction();
    const { event } = exchange;
    defineProperty(event, "secrets", asked);
    defineProperty(event, "configuration", asked);
    settle(handler(event, hasUser ? api.postLogin : api.credentials));
    reportRejections();
    const denial = endAction();
    if (denial) throw new Denied(denial.code, denial.message);
}

/** Waits for what a handler returned; one that is not async is done when it returns. */
function settle(returned) {
    if (typeof returned?.then !== "function") return runUntil(() => true);
    let outcome;
    returned.then(
        () => { outcome = {}; },
        (reason) => { outcome = { reason, failed: true }; },
    );
    runUntil(() => outcome);
    if (!outcome) throw new Error("the Action never ended: it waits for a promise that nothing will settle");
    if (outcome.failed) throw outcome.reason;
}
