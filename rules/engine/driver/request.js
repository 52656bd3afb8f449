// What rules may know of the request, in the shapes that all dialects share.
import { isReserved } from "./claims.js";
import { exchange } from "./state.js";

/** A list of pairs as an object; of a name that comes twice the last value counts. */
export const fromPairs = (pairs) => {
    const object = {};
    for (const [name, value] of pairs) {
        // `__proto__` must be a name like any other.
        Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
    }
    return object;
};

export const protocol = () => (exchange.grant === "refresh-token" ? "oauth2-refresh-token" : "oauth2-password");

/** How the user authenticated: RFC 8176's words become those that rules compare with. */
export const authenticationMethods = () =>
    exchange.authentication_methods.map((method) => ({
        name: method === "pwd" || method === "mfa" ? method : "mfa",
        timestamp: exchange.now,
    }));

/** The claims of a draft that earlier rules set. */
export const customClaims = (claims) => {
    const custom = {};
    for (const name of Object.keys(claims)) if (!isReserved(name)) custom[name] = claims[name];
    return custom;
};
