// What all three dialects share.

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

export interface Identity {
    connection: string;
    isSocial: boolean;
    provider: string;
    user_id: string;
}

export interface Profile {
    user_id: string;
    name?: string;
    nickname?: string;
    given_name?: string;
    family_name?: string;
    picture?: string;
    username?: string;
    email?: string;
    email_verified: boolean;
    phone_number?: string;
    phone_verified?: boolean;
    created_at: string;
    updated_at: string;
    last_password_reset?: string;
    identities: Identity[];
}

/** How the user was authenticated; `timestamp` is in milliseconds. */
export interface AuthenticationMethod {
    name: string;
    timestamp: number;
}

/** `oauth2-password` for every step of a password grant. */
export type Protocol = "oauth2-password" | "oauth2-refresh-token";

/** Takes part in no login other than the one at hand: `id` must be the user's own. */
export interface UserUpdates {
    updateAppMetadata(id: string, metadata: Record<string, Json>): Promise<unknown>;
    updateUserMetadata(id: string, metadata: Record<string, Json>): Promise<unknown>;
}
