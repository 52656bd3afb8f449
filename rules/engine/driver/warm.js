// What the first login would leave behind for the second, were there one: the engine keeps the names of properties and the
// shapes of objects, and finds those that it has sooner than it makes them. So the snapshot is taken with those of a login.
import { changes, native, parse, texts, textsOf } from "./natives.js";

// As the host writes it (`src/rule_host/javascript/shown.rs`); only which names there are, and in which order, means anything.
const USER = `"family_name":"","given_name":"","name":"","nickname":"","picture":"","updated_at":"","user_id":"",
"email_verified":true,"created_at":"","identities":[{"connection":"","isSocial":false,"provider":"auth0","user_id":""}],"email":""`;

const CLASSIC = `{"user":{${USER},"logins_count":0,"last_login":"","user_metadata":{},"app_metadata":{}},
"context":{"tenant":"","clientID":"","clientName":"","clientMetadata":{},"connection":"","connectionStrategy":"auth0",
"connectionOptions":{},"connectionMetadata":{},"protocol":"oauth2-password","request":{"ip":"","hostname":"","userAgent":"",
"query":{},"body":{"grant_type":"","username":"","scope":""},"geoip":{}},"stats":{"loginsCount":0},"samlConfiguration":{},
"authentication":{"methods":[{"name":"pwd","timestamp":0}]},"authorization":{"roles":[""]},
"accessToken":{"scope":["openid"]},"idToken":{}},"profile":["name","nickname"],"now":0,"hostname":"","user_id":null}`;

const ACTION = `{"event":{"client":{"client_id":"","name":"","metadata":{}},"request":{"ip":"","hostname":"","user_agent":"",
"method":"POST","query":{},"body":{"grant_type":"","username":"","scope":""},"geoip":{}},"tenant":{"id":""},
"resource_server":{"identifier":""},"authentication":{"methods":[{"name":"pwd","timestamp":0}]},
"authorization":{"roles":[""]},"connection":{"name":"","strategy":"auth0","metadata":{}},"stats":{"logins_count":0},
"transaction":{"id":"","protocol":"oauth2-password","requested_scopes":["openid"],"acr_values":[],"ui_locales":[]},
"user":{${USER},"user_metadata":{},"app_metadata":{}}},"scopes":["openid"]}`;

export function warmUp() {
    const { user, context } = parse(CLASSIC);
    const { event } = parse(ACTION);
    native.expect({ __proto__: null, user, context, event });
    const before = textsOf(user, ["name", "nickname"]);
    changes("", "", before, texts({ "https://a.example/b": "" }));
}
