// Hashes and HMAC.
import { Buffer } from "buffer/";
import { compute, encoded, pack, toBytes } from "./host.js";
import { keyBytes } from "./keys.js";

export const hashes = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"];

/** The host's name of a hash. */
export function digest(name) {
    const plain = String(name).toLowerCase().replace(/^rsa-/, "").replace(/^sha-/, "sha");
    if (!hashes.includes(plain)) throw new Error(`Digest method not supported: \`${name}\`; those that are: ${hashes.join(", ")}`);
    return plain;
}

class Hash {
    #parts = [];
    #finish;
    constructor(finish) {
        this.#finish = finish;
    }
    update(data, encoding) {
        if (this.#parts === undefined) throw new Error("Digest already called");
        this.#parts.push(toBytes(data, encoding));
        return this;
    }
    digest(encoding) {
        if (this.#parts === undefined) throw new Error("Digest already called");
        const data = Buffer.concat(this.#parts);
        this.#parts = undefined;
        return encoded(this.#finish(data), encoding);
    }
}

export function createHash(name) {
    const hash = digest(name);
    return new Hash((data) => compute("crypto.hash", hash, data));
}

export function createHmac(name, key) {
    const hash = digest(name);
    const secret = keyBytes(key);
    return new Hash((data) => compute("crypto.hmac", hash, pack([secret, data])));
}
