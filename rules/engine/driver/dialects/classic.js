// Classic rules: `function (user, context, callback)`. Those of one run share `user`, `context` and `global`, as
// they did where they ran as one program.
import { Denied, messageOf, otherAccount } from "../errors.js";
import * as effects from "../effects.js";
import { log } from "../globals/console.js";
import { reportRejections, runUntil } from "../loop.js";
import { parse, stringify, texts, textsOf } from "../natives.js";
import { exchange } from "../state.js";

let user;
let context;

export function runClassic(load) {
    if (exchange.user_id === null) throw new Error("a classic rule needs a user, and there is none in this exchange");
    // Those that follow go on with what this one leaves.
    if (context === undefined) ({ user, context } = exchange);
    const before = remember();
    call(load());
    reportRejections();
    if (context.redirect) {
        throw new Denied("interaction_required", "a rule wants to redirect, which the token endpoint cannot");
    }
    const { primaryUser } = context;
    if (primaryUser && primaryUser !== exchange.user_id) throw new Error(otherAccount("context.primaryUser"));
    writeBack(before, remember());
}

/** What rules change by changing objects, as JSON; of the user those claims that the ID token has. */
function remember() {
    return {
        access: texts(context.accessToken),
        id: texts(context.idToken),
        multifactor: stringify(context.multifactor),
        profile: textsOf(user, exchange.profile),
    };
}

function call(rule) {
    if (typeof rule !== "function") throw new TypeError("the rule is not a function");
    let outcome;
    let current = true;
    const callback = (error, newUser, newContext) => {
        if (!current) return log("warn", "a rule that had ended called its callback; the call is ignored");
        if (outcome) return log("warn", "the callback was called again; only the first call counts");
        outcome = { error, newUser, newContext };
    };
    const returned = rule(user, context, callback);
    let thrown;
    if (typeof returned?.then === "function") {
        returned.then(undefined, (reason) => { thrown = { reason }; });
    }
    runUntil(() => outcome || thrown);
    current = false;
    if (!outcome && thrown) throw thrown.reason;
    if (!outcome) throw new Error("the rule never called its callback, and nothing is left that could");
    if (thrown) log("warn", `the rule failed after it had called its callback: ${messageOf(thrown.reason)}`);
    if (outcome.error) throw denial(outcome.error);
    if (isObject(outcome.newUser)) user = outcome.newUser;
    if (isObject(outcome.newContext)) context = outcome.newContext;
}

const isObject = (value) => typeof value === "object" && value !== null;

function denial(error) {
    const unauthorized = error instanceof Error && error.name === "UnauthorizedError";
    return new Denied(unauthorized ? "unauthorized" : "access_denied", messageOf(error));
}

function writeBack(before, after) {
    effects.claimEffects("access", before.access, after.access);
    effects.claimEffects("id", before.id, after.id);
    // A change of the user is a change of the ID token; what it has not any more stays as it was.
    effects.claimEffects("profile", before.profile, after.profile);
    if (before.access.scope !== after.access.scope) writeScopes(before.access.scope);
    if (before.multifactor !== after.multifactor) writeMultifactor(context.multifactor);
}

function writeScopes(before) {
    const then = effects.scopeList(before === undefined ? undefined : parse(before));
    const now = effects.scopeList(context.accessToken?.scope);
    if (!sameTexts(now, then)) effects.replaceScopes(now);
}

function sameTexts(one, other) {
    if (one.length !== other.length) return false;
    for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
    return true;
}

function writeMultifactor(multifactor) {
    if (!isObject(multifactor)) {
        return log("warn", "a second factor that an earlier rule demanded cannot be taken back");
    }
    effects.requireMfa(multifactor.provider ?? "any", multifactor.allowRememberBrowser ?? true);
}
