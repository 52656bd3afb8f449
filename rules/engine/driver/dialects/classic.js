// Classic rules: `function (user, context, callback)`. Those of one run share `user`, `context` and `global`, as
// they did where they ran as one program.
import { Denied, messageOf, otherAccount } from "../errors.js";
import * as effects from "../effects.js";
import { log } from "../globals/console.js";
import { reportRejections, runUntil } from "../loop.js";
import { assign, names, stringify, texts } from "../natives.js";
import { classicUser } from "../profile.js";
import { profile } from "../claims.js";
import { authenticationMethods, customClaims, fromPairs, protocol } from "../request.js";
import { exchange } from "../state.js";

let user;
let context;
let before;

export function runClassic(load) {
    if (exchange.user === null) throw new Error("a classic rule needs a user, and there is none in this exchange");
    if (context === undefined) begin();
    before = remember();
    call(load());
    reportRejections();
    if (context.redirect) {
        throw new Denied("interaction_required", "a rule wants to redirect, which the token endpoint cannot");
    }
    const { primaryUser } = context;
    if (primaryUser && primaryUser !== exchange.user.id) throw new Error(otherAccount("context.primaryUser"));
    writeBack();
}

function begin() {
    user = classicUser(exchange.user);
    context = makeContext();
}

/** `context` before the first rule. */
export function makeContext() {
    const { client, request, draft } = exchange;
    return {
        tenant: exchange.tenant,
        clientID: client.id,
        clientName: client.name,
        clientMetadata: fromPairs(client.metadata),
        connection: exchange.user.connection,
        connectionStrategy: "auth0",
        connectionOptions: {},
        connectionMetadata: {},
        protocol: protocol(),
        request: {
            ip: request.ip,
            hostname: request.hostname,
            userAgent: request.user_agent ?? undefined,
            query: {},
            body: fromPairs(request.parameters),
            geoip: {},
        },
        stats: { loginsCount: exchange.user.logins_count },
        samlConfiguration: {},
        authentication: { methods: authenticationMethods() },
        authorization: { roles: exchange.user.roles },
        accessToken: assign(customClaims(draft.access_claims), { scope: draft.scopes }),
        idToken: customClaims(draft.id_claims),
    };
}

/** What write-back compares with. */
function remember() {
    return {
        access: texts(context.accessToken),
        id: texts(context.idToken),
        scopes: effects.scopeList(context.accessToken?.scope),
        multifactor: stringify(context.multifactor),
        profile: profileTexts(),
    };
}

function profileTexts() {
    const found = { __proto__: null };
    const claims = names(exchange.draft.id_claims);
    for (let i = 0; i < claims.length; i++) {
        if (claims[i] in profile) found[claims[i]] = stringify(user[claims[i]]);
    }
    return found;
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

function writeBack() {
    effects.claimEffects("access", before.access, texts(context.accessToken));
    effects.claimEffects("id", before.id, texts(context.idToken));
    writeProfile();
    const scopes = effects.scopeList(context.accessToken?.scope);
    if (!sameTexts(scopes, before.scopes)) effects.replaceScopes(scopes);
    const { multifactor } = context;
    if (stringify(multifactor) !== before.multifactor) writeMultifactor(multifactor);
}

function sameTexts(one, other) {
    if (one.length !== other.length) return false;
    for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
    return true;
}

/** A change of the user is a change of the ID token, where that has the claim at all. */
function writeProfile() {
    const claims = names(before.profile);
    for (let i = 0; i < claims.length; i++) {
        const name = claims[i];
        if (stringify(user[name]) !== before.profile[name]) effects.setClaim("id", name, user[name]);
    }
}

function writeMultifactor(multifactor) {
    if (!isObject(multifactor)) {
        return log("warn", "a second factor that an earlier rule demanded cannot be taken back");
    }
    effects.requireMfa(multifactor.provider ?? "any", multifactor.allowRememberBrowser ?? true);
}
