// The exchange form of 2016. In a rule: `/** @type {import("…/types/exchange").PasswordExchange} */`
import { Json } from "./common";

export interface User {
    tenant: string;
    id: string;
    displayName: string;
    email?: string;
    user_metadata: Record<string, any>;
    app_metadata: Record<string, any>;
}

export interface Client {
    tenant: string;
    id: string;
    name: string;
    metadata: Record<string, string>;
}

export interface Context {
    ip: string;
    userAgent?: string;
    webtask: { secrets: Readonly<Record<string, string>> };
}

/** Claims by URL; `scope` replaces what is granted. */
export type Claims = { scope?: string[] | string } & { [url: `http${string}`]: Json };

export type PasswordResult = Claims | { accessToken?: Claims; idToken?: { [url: `http${string}`]: Json } };

export type Callback<Result> = (error: Error | null, result?: Result) => void;

export type PasswordExchange = (
    user: User,
    client: Client,
    scope: string[] | undefined,
    audience: string | undefined,
    context: Context,
    cb: Callback<PasswordResult>,
) => void;

export type ClientCredentialsExchange = (
    client: Client,
    scope: string[] | undefined,
    audience: string | undefined,
    context: Context,
    cb: Callback<Claims>,
) => void;
