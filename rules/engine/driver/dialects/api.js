// `api` of Actions: what means something for a token endpoint becomes effects, the rest says why it cannot be.
import { otherAccount } from "../errors.js";
import * as effects from "../effects.js";
import { log } from "../globals/console.js";
import { exchange } from "../state.js";
import { cache } from "./cache.js";
import { refuse } from "./refused.js";

let denial;
let metadata;
let scopes;

export function beginAction() {
    denial = undefined;
    scopes = undefined;
    metadata = { app: {}, user: {} };
}

/** Writes what was gathered, metadata in one piece; the denial, if there is one. */
export function endAction() {
    for (const which of ["app", "user"]) {
        if (Object.keys(metadata[which]).length > 0) effects.mergeMetadata(which, metadata[which]);
    }
    if (scopes !== undefined) effects.replaceScopes(scopes);
    return denial;
}

function deny(code, message) {
    denial ??= { code, message };
}

const setCustomClaim = (token, self) => (name, value) => {
    effects.setClaim(token, name, value);
    return self();
};

const setMetadata = (which) => (name, value) => {
    metadata[which] = { ...metadata[which], [name]: value };
    return api.postLogin;
};

const postLogin = {
    access: {
        deny(first, second) {
            // `deny(reason)`; older Actions say `deny(code, reason)`.
            deny("access_denied", String(second ?? first));
            return postLogin;
        },
    },
    accessToken: {
        setCustomClaim: setCustomClaim("access", () => postLogin),
        addScope(scope) {
            effects.addScope(scope);
            return postLogin;
        },
        removeScope(scope) {
            effects.removeScope(scope);
            return postLogin;
        },
    },
    idToken: { setCustomClaim: setCustomClaim("id", () => postLogin) },
    authentication: {
        setPrimaryUser(id) {
            if (id !== exchange.user_id) throw new Error(otherAccount("api.authentication.setPrimaryUser"));
            return postLogin;
        },
    },
    multifactor: {
        enable(provider, options) {
            if (provider === "none") log("warn", "api.multifactor.enable(\"none\") asks for nothing");
            else effects.requireMfa(provider, options?.allowRememberBrowser ?? false);
            return postLogin;
        },
    },
    user: { setAppMetadata: setMetadata("app"), setUserMetadata: setMetadata("user") },
    cache,
    redirect: {
        canRedirect: () => false,
        sendUserTo() {
            deny("interaction_required", "a rule wants to redirect, which the token endpoint cannot");
            return postLogin;
        },
    },
    validation: {
        error(code, message) {
            deny("invalid_request", String(message ?? code));
            return postLogin;
        },
    },
};

const CODES = ["invalid_scope", "invalid_request", "server_error"];

const targetScopes = () => (scopes ??= [...exchange.scopes]);

const credentials = {
    access: {
        deny(code, reason) {
            if (reason === undefined) deny("access_denied", String(code));
            else deny(CODES.includes(code) ? code : "access_denied", String(reason));
            return credentials;
        },
    },
    accessToken: { setCustomClaim: setCustomClaim("access", () => credentials) },
    cache,
    transaction: {
        addTargetScope(scope) {
            if (!targetScopes().includes(scope)) scopes.push(scope);
            return credentials;
        },
        removeTargetScope(scope) {
            scopes = targetScopes().filter((each) => each !== scope);
            return credentials;
        },
        setTargetScopes(list) {
            scopes = effects.scopeList(list);
            return credentials;
        },
        clearTargetScopes() {
            scopes = [];
            return credentials;
        },
    },
};

export const api = { postLogin: refuse(postLogin), credentials };
