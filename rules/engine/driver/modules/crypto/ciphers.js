// AES as rules use it. What goes in is kept until `final`, which gives out all: a code or a padding says at the end only
// whether what was decrypted is what was encrypted.
import { Buffer } from "buffer/";
import { stringify } from "../../natives.js";
import { compute, encoded, pack, toBytes } from "./host.js";
import { keyBytes } from "./keys.js";

const NAME = /^aes-(?:128|192|256)-(?:cbc|gcm)$/;
const TAG = 16;

class Cipher {
    #parts = [];
    #decrypt;
    #name;
    #key;
    #iv;
    #aad = Buffer.alloc(0);
    #tag;
    constructor(name, key, iv, decrypt) {
        this.#name = String(name).toLowerCase().replace(/^aes(\d+)$/, "aes-$1-cbc");
        if (!NAME.test(this.#name)) throw new Error(`Unknown cipher: \`${name}\`; aes-128, aes-192 and aes-256 in the modes cbc and gcm are there`);
        this.#decrypt = decrypt;
        this.#key = keyBytes(key);
        this.#iv = toBytes(iv);
    }
    get #sealed() { return this.#name.endsWith("gcm"); }
    #open() {
        if (this.#parts === undefined) throw new Error("Unsupported state or unable to use a cipher after its end");
        return this.#parts;
    }
    update(data, encoding, output) {
        this.#open().push(toBytes(data, encoding));
        return encoded(Buffer.alloc(0), output);
    }
    final(output) {
        const data = Buffer.concat(this.#open());
        this.#parts = undefined;
        if (this.#decrypt && this.#sealed && this.#tag === undefined) throw new Error("Unsupported state or unable to authenticate data");
        const tag = this.#decrypt && this.#sealed ? this.#tag : Buffer.alloc(0);
        let done = compute("crypto.cipher", stringify({ name: this.#name, decrypt: this.#decrypt }),
            pack([this.#key, this.#iv, this.#aad, Buffer.concat([data, tag])]));
        if (this.#sealed && !this.#decrypt) {
            this.#tag = done.subarray(done.length - TAG);
            done = done.subarray(0, done.length - TAG);
        }
        return encoded(done, output);
    }
    setAAD(data) {
        this.#aad = toBytes(data);
        return this;
    }
    getAuthTag() {
        if (this.#decrypt || this.#tag === undefined) throw new Error("Invalid state for operation getAuthTag");
        return this.#tag;
    }
    setAuthTag(tag, encoding) {
        this.#tag = toBytes(tag, encoding);
        if (this.#tag.length !== TAG) throw new Error(`Invalid authentication tag length: ${this.#tag.length}; it is ${TAG} bytes here`);
        return this;
    }
    setAutoPadding(padded = true) {
        if (!padded) throw new Error("setAutoPadding(false) is not there: what is encrypted is padded");
        return this;
    }
}

export const createCipheriv = (name, key, iv) => new Cipher(name, key, iv, false);
export const createDecipheriv = (name, key, iv) => new Cipher(name, key, iv, true);
