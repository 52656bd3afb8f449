// Actions. In a rule: `/** @type {import("…/types/actions").PostLoginAction} */`
import { AuthenticationMethod, Json, Profile, Protocol } from "./common";

interface CommonEvent {
    client: { client_id: string; name: string; metadata: Record<string, string> };
    request: {
        ip: string;
        hostname: string;
        user_agent?: string;
        method: "POST";
        query: Record<string, string>;
        /** Without any credential. */
        body: Record<string, string>;
        geoip: Record<string, any>;
    };
    tenant: { id: string };
    resource_server?: { identifier: string };
    /** The Action's own; of one that was uploaded as a rule, the tenant's configuration. */
    readonly secrets: Readonly<Record<string, string>>;
    readonly configuration: Readonly<Record<string, string>>;
}

export interface PostLoginEvent extends CommonEvent {
    authentication: { methods: AuthenticationMethod[] };
    authorization: { roles: string[] };
    connection: { name: string; strategy: "auth0"; metadata: Record<string, string> };
    stats: { logins_count: number };
    transaction: { id: string; protocol: Protocol; requested_scopes: string[]; acr_values: string[]; ui_locales: string[] };
    user: Profile & { user_metadata: Record<string, any>; app_metadata: Record<string, any> };
}

export interface CredentialsExchangeEvent extends CommonEvent {
    accessToken: { customClaims: Record<string, any>; scope: string[] };
    transaction: { requested_scopes: string[]; target_scopes: string[] };
}

export type CacheResult =
    | { type: "success"; record?: { value: string; expires_at: number } }
    | { type: "error"; code: string; message?: string };

/** Lasts as long as the run of the Action. */
export interface Cache {
    get(key: string): { value: string; expires_at: number } | undefined;
    set(key: string, value: string, options?: { ttl?: number; expires_at?: number }): CacheResult;
    delete(key: string): CacheResult;
}

/** What is not here throws an error that says why. */
export interface PostLoginApi {
    access: { deny(reason: string): PostLoginApi };
    accessToken: {
        setCustomClaim(name: string, value: Json | undefined): PostLoginApi;
        addScope(scope: string): PostLoginApi;
        removeScope(scope: string): PostLoginApi;
    };
    idToken: { setCustomClaim(name: string, value: Json | undefined): PostLoginApi };
    authentication: { setPrimaryUser(id: string): PostLoginApi };
    multifactor: {
        enable(
            provider: "any" | "duo" | "google-authenticator" | "guardian" | "none",
            options?: { allowRememberBrowser?: boolean; providerOptions?: Record<string, any> },
        ): PostLoginApi;
    };
    user: {
        setAppMetadata(name: string, value: Json): PostLoginApi;
        setUserMetadata(name: string, value: Json): PostLoginApi;
    };
    cache: Cache;
    redirect: {
        canRedirect(): false;
        /** Denies with `interaction_required`. */
        sendUserTo(url: string, options?: { query?: Record<string, string> }): PostLoginApi;
    };
    validation: { error(code: string, message: string): PostLoginApi };
}

export interface CredentialsExchangeApi {
    access: { deny(code: "invalid_scope" | "invalid_request" | "server_error", reason: string): CredentialsExchangeApi };
    accessToken: { setCustomClaim(name: string, value: Json | undefined): CredentialsExchangeApi };
    cache: Cache;
    transaction: {
        addTargetScope(scope: string): CredentialsExchangeApi;
        removeTargetScope(scope: string): CredentialsExchangeApi;
        setTargetScopes(scopes: string[]): CredentialsExchangeApi;
        clearTargetScopes(): CredentialsExchangeApi;
    };
}

export type PostLoginAction = (event: PostLoginEvent, api: PostLoginApi) => void | Promise<void>;
export type CredentialsExchangeAction = (event: CredentialsExchangeEvent, api: CredentialsExchangeApi) => void | Promise<void>;
