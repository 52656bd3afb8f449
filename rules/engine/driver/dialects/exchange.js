// The form of 2016: `module.exports = function (user, client, scope, audience, context, cb)`, and without a user.
import { Denied, messageOf } from "../errors.js";
import * as effects from "../effects.js";
import { log } from "../globals/console.js";
import { reportRejections, runUntil } from "../loop.js";
import { configured, exchange } from "../state.js";
import { exported } from "./modules.js";

const { defineProperty } = Object;

export function runPasswordExchange(load) {
    const { user } = exchange;
    if (user === undefined) throw new Error("a password-exchange rule needs a user, and there is none in this exchange");
    const result = call(load, [user], (message) => new Denied("access_denied", message));
    if (!isObject(result)) return;
    // Both documents: `{ accessToken, idToken }`, or the access token's claims at the root.
    const nested = isObject(result.accessToken) || isObject(result.idToken);
    write("access", nested ? result.accessToken : result);
    if (nested) write("id", result.idToken);
}

export function runClientCredentialsExchange(load) {
    write("access", call(load, [], () => new Denied("server_error", "Unknown error occurred.")));
}

const CODES = {
    InvalidScopeError: "invalid_scope",
    InvalidRequestError: "invalid_request",
    ServerError: "server_error",
    UnauthorizedError: "unauthorized",
};

function call(load, first, denyOther) {
    const rule = exported(load());
    const { client, scopes, audience, context } = exchange;
    defineProperty(context, "webtask", { get: () => ({ secrets: configured() }), enumerable: true, configurable: true });
    let outcome;
    const callback = (error, result) => {
        if (outcome) return log("warn", "the callback was called again; only the first call counts");
        outcome = { error, result };
    };
    const returned = rule(
        ...first,
        client,
        scopes.length > 0 ? scopes : undefined,
        audience,
        context,
        callback,
    );
    let thrown;
    if (typeof returned?.then === "function") returned.then(undefined, (reason) => { thrown = { reason }; });
    runUntil(() => outcome || thrown);
    reportRejections();
    if (!outcome && thrown) throw thrown.reason;
    if (!outcome) throw new Error("the rule never called its callback, and nothing is left that could");
    if (!outcome.error) return outcome.result;
    const code = CODES[outcome.error?.name];
    const message = messageOf(outcome.error);
    if (code !== undefined) throw new Denied(code, message);
    log("error", `the rule called back with an error: ${message}`);
    throw denyOther(message);
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

function write(token, result) {
    if (!isObject(result)) return;
    for (const name of Object.keys(result)) {
        if (name === "scope" && token === "access") continue;
        if (/^https?:\/\//i.test(name)) effects.setClaim(token, name, result[name]);
        else log("warn", `\`${name}\` is dropped: in this form a claim's name is a URL`);
    }
    if (token === "access" && result.scope !== undefined) effects.replaceScopes(effects.scopeList(result.scope));
}
