/// <reference path="./globals.d.ts" />
// Not a rule: what an editor must accept, and what it must not. Checked by `tsc`.

/** @type {import("./classic").ClassicRule} */
const classic = (user, context, callback) => {
    context.accessToken["https://example.com/roles"] = context.authorization.roles;
    context.accessToken.scope = ["openid"];
    context.accessToken.scope = "openid profile";
    context.multifactor = { provider: "any", allowRememberBrowser: false };
    // @ts-expect-error it is `logins_count`, and a number
    user.logins_count.length;
    // @ts-expect-error a callback's error is no number
    callback(42);
    auth0.users.updateAppMetadata(user.user_id, { seen: true }).then(() => callback(null, user, context));
    callback(new UnauthorizedError("no"));
};

/** @type {import("./actions").PostLoginAction} */
exports.onExecutePostLogin = async (event, api) => {
    api.accessToken.setCustomClaim("https://example.com/plan", event.user.app_metadata.plan);
    // @ts-expect-error this dialect has no such call
    api.accessToken.setClaim("x", 1);
    // @ts-expect-error secrets are read-only
    event.secrets.KEY = "x";
    api.access.deny("no");
};

/** @type {import("./actions").CredentialsExchangeAction} */
exports.onExecuteCredentialsExchange = async (event, api) => {
    api.access.deny("invalid_scope", event.transaction.requested_scopes.join(" "));
    // @ts-expect-error there is no user
    event.user;
};

/** @type {import("./exchange").PasswordExchange} */
const password = (user, client, scope, audience, context, cb) => {
    cb(null, { "https://example.com/name": user.displayName, scope: ["openid"] });
    cb(null, { accessToken: { scope: ["openid"] }, idToken: { "https://example.com/client": client.id } });
};

/** @type {import("./exchange").ClientCredentialsExchange} */
const credentials = (client, scope, audience, context, cb) => {
    // @ts-expect-error it may be undefined
    scope.push("extra");
    cb(null, { scope });
};

module.exports = { classic, password, credentials };
