// `Headers`: names without regard to case, values of one name joined.
export class Headers {
    #map = new Map();
    constructor(init) {
        if (init === undefined || init === null) return;
        if (init instanceof Headers) init.forEach((value, name) => this.append(name, value));
        else if (typeof init[Symbol.iterator] === "function") for (const [name, value] of init) this.append(name, value);
        else for (const name of Object.keys(init)) this.#add(name, init[name]);
    }
    #add(name, value) {
        for (const each of Array.isArray(value) ? value : [value]) this.append(name, each);
    }
    append(name, value) {
        const key = String(name).toLowerCase();
        const before = this.#map.get(key);
        this.#map.set(key, before === undefined ? String(value).trim() : `${before}, ${String(value).trim()}`);
    }
    delete(name) { this.#map.delete(String(name).toLowerCase()); }
    get(name) { return this.#map.get(String(name).toLowerCase()) ?? null; }
    has(name) { return this.#map.has(String(name).toLowerCase()); }
    set(name, value) { this.#map.set(String(name).toLowerCase(), String(value).trim()); }
    getSetCookie() { return this.has("set-cookie") ? [this.get("set-cookie")] : []; }
    raw() { return Object.fromEntries([...this.#map].map(([name, value]) => [name, [value]])); }
    forEach(callback, self) { for (const [name, value] of this) callback.call(self, value, name, this); }
    keys() { return this.#sorted().map(([name]) => name).values(); }
    values() { return this.#sorted().map(([, value]) => value).values(); }
    entries() { return this.#sorted().values(); }
    [Symbol.iterator]() { return this.entries(); }
    #sorted() { return [...this.#map].sort(([a], [b]) => (a < b ? -1 : 1)); }
}
