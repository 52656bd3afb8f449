// `URL` and `URLSearchParams`: the host parses, by the same standard as browsers and Node.
import { ask, parse, stringify } from "../natives.js";

const PARTS = ["href", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"];

export class URL {
    #parts;
    #params;
    constructor(url, base) {
        this.#read("url.parse", base === undefined ? [String(url)] : [String(url), String(base)]);
    }
    #read(operation, given) {
        const text = ask(operation, stringify(given));
        if (text === "") {
            const error = new TypeError("Invalid URL");
            error.code = "ERR_INVALID_URL";
            error.input = given[0];
            throw error;
        }
        this.#parts = parse(text);
    }
    _get(part) {
        return this.#parts[part];
    }
    _set(part, value) {
        this.#read("url.set", [this.#parts.href, part, String(value)]);
        if (part === "search" || part === "href") this.#params?._read(this.search);
    }
    get origin() { return this.#parts.origin; }
    get searchParams() {
        return (this.#params ??= new URLSearchParams(this.search)._onChange((text) => {
            this.#read("url.set", [this.#parts.href, "search", text]);
        }));
    }
    toString() { return this.href; }
    toJSON() { return this.href; }
    static canParse(url, base) {
        return URL.parse(url, base) !== null;
    }
    static parse(url, base) {
        try {
            return new URL(url, base);
        } catch {
            return null;
        }
    }
}

for (const part of PARTS) {
    Object.defineProperty(URL.prototype, part, {
        get() { return this._get(part); },
        set(value) { this._set(part, value); },
        enumerable: true,
        configurable: true,
    });
}

// The bytes that application/x-www-form-urlencoded leaves alone.
const encode = (text) =>
    encodeURIComponent(text.toWellFormed()).replace(/%20/g, "+").replace(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function decode(text) {
    const spaced = text.replace(/\+/g, " ");
    try {
        return decodeURIComponent(spaced);
    } catch {
        // A stray `%` stands for itself; bytes that are no UTF-8 become the replacement character.
        return spaced.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
            const bytes = run.slice(1).split("%").map((hex) => parseInt(hex, 16));
            return new TextDecoder().decode(new Uint8Array(bytes));
        });
    }
}

export class URLSearchParams {
    #list = [];
    #changed = () => {};
    constructor(init = "") {
        if (typeof init !== "object" || init === null) this._read(String(init));
        else if (typeof init[Symbol.iterator] === "function") {
            for (const [name, value] of init) this.#list.push([String(name), String(value)]);
        } else for (const name of Object.keys(init)) this.#list.push([name, String(init[name])]);
    }
    _read(text) {
        const parts = text.replace(/^\?/, "").split("&").filter((part) => part !== "");
        this.#list = parts.map((part) => {
            const at = part.indexOf("=");
            return at < 0 ? [decode(part), ""] : [decode(part.slice(0, at)), decode(part.slice(at + 1))];
        });
    }
    _onChange(changed) {
        this.#changed = changed;
        return this;
    }
    #change(list) {
        this.#list = list;
        this.#changed(this.toString());
    }
    get size() { return this.#list.length; }
    append(name, value) { this.#change([...this.#list, [String(name), String(value)]]); }
    delete(name, value) {
        this.#change(this.#list.filter(([n, v]) => n !== String(name) || (value !== undefined && v !== String(value))));
    }
    get(name) { return this.#list.find(([n]) => n === String(name))?.[1] ?? null; }
    getAll(name) { return this.#list.filter(([n]) => n === String(name)).map(([, v]) => v); }
    has(name, value) {
        return this.#list.some(([n, v]) => n === String(name) && (value === undefined || v === String(value)));
    }
    set(name, value) {
        const at = this.#list.findIndex(([n]) => n === String(name));
        if (at < 0) return this.append(name, value);
        this.#change(this.#list.filter(([n], i) => i <= at || n !== String(name))
            .map((pair, i) => (i === at ? [pair[0], String(value)] : pair)));
    }
    sort() { this.#change(this.#list.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))); }
    forEach(callback, self) { for (const [name, value] of this.#list) callback.call(self, value, name, this); }
    *entries() { for (const [name, value] of this.#list) yield [name, value]; }
    *keys() { for (const [name] of this.#list) yield name; }
    *values() { for (const [, value] of this.#list) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    toString() { return this.#list.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&"); }
}
