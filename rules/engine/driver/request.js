// What rules may know of the request, in the shapes that all dialects share.
import { reserved } from "./claims.js";
import { assign, names } from "./natives.js";
import { exchange } from "./state.js";

/** A list of pairs as an object; of a name that comes twice the last value counts. */
export const fromPairs = (pairs) => {
    const object = {};
    for (let i = 0; i < pairs.length; i++) {
        const name = pairs[i][0];
        // `__proto__` must be a name like any other.
        if (name !== "__proto__") object[name] = pairs[i][1];
        else assign(object, { [name]: pairs[i][1] });
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
    const all = names(claims);
    for (let i = 0; i < all.length; i++) {
        const name = all[i];
        if (!(name in reserved)) assign(custom, { [name]: claims[name] });
    }
    return custom;
};
