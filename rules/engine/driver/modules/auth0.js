// `auth0`: the two calls that rules make of the management API become effects, for the user of this exchange.
import { mergeMetadata } from "../effects.js";
import { exchange } from "../state.js";

const HERE = "rules reach the user of their own login, by `auth0.users.updateAppMetadata` and `updateUserMetadata`";

function update(which, call) {
    return (who, metadata, callback) => {
        const done = new Promise((resolve) => {
            const id = typeof who === "object" && who !== null ? who.id ?? who.user_id : who;
            const own = exchange?.user_id ?? null;
            if (own === null) throw new Error(`auth0.users.${call}: there is no user in this exchange`);
            if (id !== own) throw new Error(`auth0.users.${call}: only for the user of this login, \`${own}\`, not for \`${id}\``);
            if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) {
                throw new TypeError(`auth0.users.${call}: the metadata must be an object`);
            }
            mergeMetadata(which, metadata);
            resolve({ user_id: id, [`${which}_metadata`]: metadata });
        });
        if (typeof callback !== "function") return done;
        done.then((user) => callback(null, user), callback);
    };
}

const refusal = (path) => () => Promise.reject(new Error(`${path} is not there: ${HERE}`));

// Every other property of `users` is a call that says why not.
const others = (path, known) => new Proxy(known, {
    get: (target, name) => (name in target || typeof name === "symbol" || name === "then" ? target[name] : refusal(`${path}.${name}`)),
});

const updateAppMetadata = update("app", "updateAppMetadata");
const updateUserMetadata = update("user", "updateUserMetadata");

const users = others("auth0.users", {
    updateAppMetadata,
    updateUserMetadata,
    async update(who, changes) {
        const { app_metadata, user_metadata, ...rest } = changes;
        const [other] = Object.keys(rest);
        if (other !== undefined) throw new Error(`auth0.users.update: \`${other}\` cannot be changed; ${HERE}`);
        if (app_metadata !== undefined) await updateAppMetadata(who, app_metadata);
        if (user_metadata !== undefined) await updateUserMetadata(who, user_metadata);
        return { user_id: exchange.user_id, app_metadata, user_metadata };
    },
});

export const auth0 = {
    users,
    get accessToken() {
        throw new Error(`auth0.accessToken is not there: ${HERE}`);
    },
    get domain() { return exchange.hostname; },
    get baseUrl() { return `https://${exchange.hostname}/api/v2`; },
};

/** `require("auth0")`: a client whose credentials nobody reads, since nothing is sent. */
class ManagementClient {
    constructor() {
        this.users = users;
        this.updateAppMetadata = updateAppMetadata;
        this.updateUserMetadata = updateUserMetadata;
        this.updateUser = users.update;
        return others("ManagementClient", this);
    }
}

class AuthenticationClient {
    constructor() {
        throw new Error(`AuthenticationClient is not there: ${HERE}`);
    }
}

export const auth0Module = { ManagementClient, AuthenticationClient };
