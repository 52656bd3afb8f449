// `event`, from the exchange.
import { actionUser } from "../profile.js";
import { authenticationMethods, customClaims, fromPairs, protocol } from "../request.js";
import { configured, exchange } from "../state.js";

function common() {
    const { client, request, api } = exchange;
    const body = fromPairs(request.parameters);
    const event = {
        client: { client_id: client.id, name: client.name, metadata: fromPairs(client.metadata) },
        request: {
            ip: request.ip,
            hostname: request.hostname,
            user_agent: request.user_agent ?? undefined,
            method: "POST",
            query: {},
            body,
            geoip: {},
        },
        tenant: { id: exchange.tenant },
        get secrets() { return configured(); },
        get configuration() { return configured(); },
    };
    if (api !== null) event.resource_server = { identifier: api.identifier };
    return event;
}

function requestedScopes() {
    const asked = exchange.request.parameters.find(([name]) => name === "scope");
    return asked ? asked[1].split(" ").filter((scope) => scope !== "") : [];
}

export function postLoginEvent() {
    const { user } = exchange;
    const event = common();
    event.authentication = { methods: authenticationMethods() };
    event.authorization = { roles: user.roles };
    event.connection = { name: user.connection, strategy: "auth0", metadata: {} };
    event.stats = { logins_count: user.logins_count };
    event.transaction = {
        id: exchange.id,
        protocol: protocol(),
        requested_scopes: requestedScopes(),
        acr_values: [],
        ui_locales: [],
    };
    event.user = actionUser(user);
    return event;
}

export function credentialsEvent() {
    const { draft } = exchange;
    const event = common();
    event.accessToken = { customClaims: customClaims(draft.access_claims), scope: draft.scopes };
    event.transaction = { requested_scopes: requestedScopes(), target_scopes: [...draft.scopes] };
    return event;
}
