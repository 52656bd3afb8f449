// Classic rules. In a rule: `/** @type {import("…/types/classic").ClassicRule} */`
import { AuthenticationMethod, Profile, Protocol } from "./common";

export interface User extends Profile {
    logins_count: number;
    last_login?: string;
    permissions?: string[];
    /** Undefined until something is in it. */
    user_metadata?: Record<string, any>;
    /** Undefined until something is in it; its members are the user's, too. */
    app_metadata?: Record<string, any>;
    [name: string]: any;
}

export interface Context {
    tenant: string;
    clientID: string;
    clientName: string;
    clientMetadata: Record<string, string>;
    connection: string;
    connectionStrategy: "auth0";
    connectionOptions: Record<string, any>;
    connectionMetadata: Record<string, string>;
    protocol: Protocol;
    request: {
        ip: string;
        hostname: string;
        userAgent?: string;
        query: Record<string, string>;
        /** Without any credential. */
        body: Record<string, string>;
        geoip: Record<string, any>;
    };
    stats: { loginsCount: number };
    samlConfiguration: Record<string, any>;
    authentication: { methods: AuthenticationMethod[] };
    authorization: { roles: string[] };
    /** Claims of the access token; `scope` replaces what is granted. */
    accessToken: { scope: string[] | string; [claim: string]: any };
    /** Claims of the ID token and of /userinfo. */
    idToken: { [claim: string]: any };
    multifactor?: { provider: string; allowRememberBrowser?: boolean; [option: string]: any };
    primaryUser?: string;
    /** Ends the login: the token endpoint cannot redirect. */
    redirect?: { url: string };
    [name: string]: any;
}

/** Called once. Without `user` and `context` the present ones continue. */
export type Callback = (error?: Error | string | null, user?: User, context?: Context) => void;

export type ClassicRule = (user: User, context: Context, callback: Callback) => void | Promise<void>;
