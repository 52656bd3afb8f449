// The user as rules know it: the exchange's user in the words of their documents.
import { assign, names, native } from "./natives.js";

const iso = (milliseconds) => native.iso(milliseconds) ?? new Date(milliseconds).toISOString();

/** What classic rules and Actions have in common. */
export function profileOf(user) {
    const bar = user.id.indexOf("|");
    const profile = assign({}, user.profile);
    assign(profile, {
        user_id: user.id,
        email_verified: user.email_verified,
        created_at: iso(user.created_at),
        updated_at: updatedAt(user),
        identities: [{
            connection: user.connection,
            isSocial: false,
            provider: bar < 0 ? "auth0" : user.id.slice(0, bar),
            user_id: user.id.slice(bar + 1),
        }],
    });
    if (user.email !== null) profile.email = user.email;
    if (user.username !== null) profile.username = user.username;
    if (user.last_password_reset !== null) profile.last_password_reset = iso(user.last_password_reset);
    if ("phone_number_verified" in profile) profile.phone_verified = profile.phone_number_verified;
    return profile;
}

function updatedAt(user) {
    const at = user.profile.updated_at;
    // A claim is in seconds, an older one a text already.
    if (typeof at === "number") return iso(at * 1000);
    return at ?? iso(user.created_at);
}

/** `user` of a classic rule: metadata is undefined until set, and `app_metadata` lies over the root. */
export function classicUser(user) {
    const profile = profileOf(user);
    profile.logins_count = user.logins_count;
    if (user.last_login !== null) profile.last_login = iso(user.last_login);
    if (user.permissions.length > 0) profile.permissions = user.permissions;
    if (names(user.user_metadata).length > 0) profile.user_metadata = user.user_metadata;
    if (names(user.app_metadata).length === 0) return profile;
    profile.app_metadata = user.app_metadata;
    return assign(profile, user.app_metadata);
}

/** `event.user` of an Action. */
export function actionUser(user) {
    return assign(profileOf(user), { user_metadata: user.user_metadata, app_metadata: user.app_metadata });
}
