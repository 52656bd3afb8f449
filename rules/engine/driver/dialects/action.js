// Actions: `exports.onExecutePostLogin = async (event, api) => {…}` and `onExecuteCredentialsExchange`.
import { Denied } from "../errors.js";
import { api, beginAction, endAction } from "./api.js";
import { credentialsEvent, postLoginEvent } from "./event.js";
import { exported } from "./modules.js";
import { reportRejections, runUntil } from "../loop.js";
import { exchange } from "../state.js";

export function runAction(load) {
    const hasUser = exchange.user !== null;
    const name = hasUser ? "onExecutePostLogin" : "onExecuteCredentialsExchange";
    const handler = exported(load())[name];
    if (typeof handler !== "function") {
        throw new Error(`the Action has no handler for this exchange: it does not export \`${name}\``);
    }
    beginAction();
    settle(handler(hasUser ? postLoginEvent() : credentialsEvent(), hasUser ? api.postLogin : api.credentials));
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
