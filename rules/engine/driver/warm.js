// What the first login would leave behind for the second, were there one: the engine keeps the names of properties and the
// shapes of objects, and finds those that it has sooner than it makes them. So the snapshot is taken with those of a login.
import { native, parse, texts } from "./natives.js";
import { actionUser, classicUser } from "./profile.js";
import { setExchange } from "./state.js";
import { makeContext } from "./dialects/classic.js";
import { credentialsEvent, postLoginEvent } from "./dialects/event.js";

// As the host writes it; only which names there are, and in which order, means anything.
const EXCHANGE = `{"id":"","tenant":"","grant":"password","now":0,"client":{"id":"","name":"","metadata":[["",""]]},
"user":{"id":"a|b","username":"","email":"","email_verified":true,"connection":"",
"profile":{"family_name":"","given_name":"","name":"","nickname":"","picture":"","updated_at":""},"user_metadata":{"":""},
"app_metadata":{"":""},"roles":[""],"permissions":[""],"logins_count":0,"created_at":0,"last_login":0,
"last_password_reset":null},"api":{"identifier":"","scopes":[""]},
"request":{"ip":"","user_agent":"","hostname":"","parameters":[["grant_type",""],["username",""],["scope",""]]},
"authentication_methods":["pwd"],"draft":{"scopes":["openid"],"access_claims":{"aud":[""],"azp":"","iss":"","scope":"","sub":""},
"id_claims":{"aud":"","iss":"","name":"","nickname":"","sub":""}},"shared":[]}`;

export function warmUp() {
    const exchange = parse(EXCHANGE);
    setExchange(exchange);
    const context = makeContext();
    native.keep([
        exchange, classicUser(exchange.user), context, texts({ a: "" }),
        actionUser(exchange.user), postLoginEvent(), credentialsEvent(),
    ]);
    setExchange(undefined);
}
