// What Actions may call elsewhere and cannot mean here: each says so, and why.
const NO_BROWSER = "the token endpoint talks to a client, and no browser is there to show anything to";
const NO_SESSION = "a password grant makes no session";
const NO_HANDLE = "the refresh token is made after the rules, and rotates by its own policy";
const NOT_HERE = "this server keeps no such thing";

const REFUSED = {
    "authentication.challengeWith": NO_BROWSER,
    "authentication.challengeWithAny": NO_BROWSER,
    "authentication.enrollWith": NO_BROWSER,
    "authentication.enrollWithAny": NO_BROWSER,
    "authentication.recordMethod": NO_BROWSER,
    "prompt.render": NO_BROWSER,
    "redirect.encodeToken": NO_BROWSER,
    "redirect.validateToken": NO_BROWSER,
    "refreshToken.revoke": NO_HANDLE,
    "refreshToken.setExpiresAt": NO_HANDLE,
    "refreshToken.setIdleExpiresAt": NO_HANDLE,
    "refreshToken.setMetadata": NO_HANDLE,
    "refreshToken.deleteMetadata": NO_HANDLE,
    "refreshToken.evictMetadata": NO_HANDLE,
    "session.revoke": NO_SESSION,
    "session.setExpiresAt": NO_SESSION,
    "session.setIdleExpiresAt": NO_SESSION,
    "session.setCookieMode": NO_SESSION,
    "session.setMetadata": NO_SESSION,
    "session.deleteMetadata": NO_SESSION,
    "session.evictMetadata": NO_SESSION,
    "transaction.setMetadata": "a transaction ends with this request",
    "samlResponse.setAttribute": "no SAML response is made here",
    "groups.hasGroupMembership": NOT_HERE,
    "roles.assign": NOT_HERE,
    "rules.wasExecuted": "rules have no ids here; a rule before this one can leave a claim to look for",
};

/** Adds to an `api` what throws. */
export function refuse(api) {
    for (const [path, reason] of Object.entries(REFUSED)) {
        const [group, name] = path.split(".");
        api[group] ??= {};
        api[group][name] = () => {
            throw new Error(`api.${path} is not there: ${reason}`);
        };
    }
    return api;
}
