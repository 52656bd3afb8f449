// `api.cache`: it lasts as long as the run. Elsewhere it may be emptied at any time, so Actions are ready for that.
const entries = new Map();
const DAY_MS = 86_400_000;

export const cache = {
    get(key) {
        const entry = entries.get(key);
        return entry && entry.expires_at > Date.now() ? { ...entry } : undefined;
    },
    set(key, value, options = {}) {
        if (typeof key !== "string" || typeof value !== "string") {
            return { type: "error", code: "ItemSizeLimitExceeded", message: "keys and values are texts" };
        }
        const at = options.expires_at ?? Date.now() + (options.ttl ?? 900_000);
        const record = { value, expires_at: Math.min(at, Date.now() + DAY_MS) };
        entries.set(key, record);
        return { type: "success", record };
    },
    delete(key) {
        entries.delete(key);
        return { type: "success" };
    },
};
