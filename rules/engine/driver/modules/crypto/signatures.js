// Signatures by RSA (PKCS#1 and PSS) and ECDSA.
import { Buffer } from "buffer/";
import { ask, stringify } from "../../natives.js";
import { compute, encoded, pack, toBytes } from "./host.js";
import { createPrivateKey, createPublicKey } from "./keys.js";
import { digest } from "./hashes.js";

const PSS = 6;

function scheme(hash, key) {
    const options = typeof key === "object" && key !== null ? key : {};
    return stringify({ hash, pss: options.padding === PSS, raw: options.dsaEncoding === "ieee-p1363" });
}

export function sign(name, data, key) {
    const hash = digest(name);
    return compute("crypto.sign", scheme(hash, key), pack([createPrivateKey(key)._bytes, toBytes(data)]));
}

export function verify(name, data, key, signature) {
    const hash = digest(name);
    return ask("crypto.verify", scheme(hash, key), pack([createPublicKey(key)._bytes, toBytes(data), toBytes(signature)])) === "true";
}

class Streamed {
    #parts = [];
    constructor(name) {
        this._hash = digest(name);
    }
    update(data, encoding) {
        this.#parts.push(toBytes(data, encoding));
        return this;
    }
    write(data, encoding) {
        this.update(data, encoding);
        return true;
    }
    end(data, encoding) {
        if (data !== undefined) this.update(data, encoding);
        return this;
    }
    get _data() { return Buffer.concat(this.#parts); }
}

class Sign extends Streamed {
    sign(key, encoding) { return encoded(sign(this._hash, this._data, key), encoding); }
}

class Verify extends Streamed {
    verify(key, signature, encoding) {
        const bytes = typeof signature === "string" ? Buffer.from(signature, encoding) : signature;
        return verify(this._hash, this._data, key, bytes);
    }
}

export const createSign = (name) => new Sign(name);
export const createVerify = (name) => new Verify(name);
