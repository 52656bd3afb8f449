// Node's `crypto` as far as rules use it. The host computes; nothing secret is compared or derived in JavaScript.
import { Buffer } from "buffer/";
import { ask, stringify } from "../../natives.js";
import { randomBytes as random } from "../../globals/random.js";
import { KeyObject, createPrivateKey, createPublicKey, createSecretKey } from "./keys.js";
import { createSign, createVerify, sign, verify } from "./signatures.js";
import { createCipheriv, createDecipheriv } from "./ciphers.js";
import { createHash, createHmac, digest, hashes } from "./hashes.js";
import { compute, pack, toBytes } from "./host.js";

const MOST_RANDOM = 65_536;

function randomBytes(size, callback) {
    if (!(Number.isInteger(size) && size >= 0 && size <= MOST_RANDOM)) {
        throw new RangeError(`randomBytes: the size must be between 0 and ${MOST_RANDOM}`);
    }
    const bytes = size === 0 ? Buffer.alloc(0) : toBuffer(random(size));
    if (typeof callback !== "function") return bytes;
    void Promise.resolve().then(() => callback(null, bytes));
}

const toBuffer = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function randomUUID() {
    const bytes = randomBytes(16);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function randomInt(from, to, callback) {
    const [low, high, done] = typeof to === "number" ? [from, to, callback] : [0, from, to];
    if (!(Number.isSafeInteger(low) && Number.isSafeInteger(high) && low < high)) throw new RangeError("randomInt: no such range");
    // Six bytes are far more than any range that is asked for; what a modulus leaves of bias is below 2^-16 for 2^32.
    const value = low + (randomBytes(6).readUIntBE(0, 6) % (high - low));
    if (typeof done !== "function") return value;
    void Promise.resolve().then(() => done(null, value));
}

function getRandomValues(array) {
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(randomBytes(array.byteLength));
    return array;
}

function timingSafeEqual(a, b) {
    const [left, right] = [toBytes(a), toBytes(b)];
    if (left.length !== right.length) throw new RangeError("Input buffers must have the same byte length");
    return ask("crypto.equal", "", pack([left, right])) === "true";
}

function pbkdf2Sync(password, salt, iterations, length, hash = "sha1") {
    return compute("crypto.pbkdf2", stringify({ iterations, length, hash: digest(hash) }), pack([toBytes(password), toBytes(salt)]));
}

function pbkdf2(password, salt, iterations, length, hash, callback) {
    const key = pbkdf2Sync(password, salt, iterations, length, hash);
    void Promise.resolve().then(() => callback(null, key));
}

/** By name too: packages read it so. */
export const constants = { RSA_PKCS1_PADDING: 1, RSA_PKCS1_PSS_PADDING: 6, RSA_PSS_SALTLEN_DIGEST: -1, RSA_PSS_SALTLEN_AUTO: -2 };

const NOT_THERE = ["createCipher", "createDecipher", "createDiffieHellman", "createECDH",
    "generateKeyPair", "generateKeyPairSync", "publicEncrypt", "privateDecrypt", "scrypt", "scryptSync"];

const crypto = {
    createHash, createHmac, createSign, createVerify, sign, verify, getHashes: () => [...hashes],
    createCipheriv, createDecipheriv, KeyObject, createPrivateKey, createPublicKey, createSecretKey,
    randomBytes, pseudoRandomBytes: randomBytes, randomUUID, randomInt, randomFillSync: getRandomValues, getRandomValues,
    timingSafeEqual, pbkdf2, pbkdf2Sync,
    constants,
};
for (const name of NOT_THERE) {
    crypto[name] = () => {
        throw new Error(`crypto.${name} is not there: hashes, HMAC, signatures, AES with a key and an IV, random bytes and PBKDF2 are`);
    };
}
Object.defineProperty(crypto, "subtle", {
    get() {
        throw new Error("crypto.subtle is not there: use Node's functions, `crypto.createHash` and its like");
    },
    configurable: true,
});

export default crypto;
export const webcrypto = crypto;
export {
    KeyObject, createCipheriv, createDecipheriv, createHash, createHmac, createPrivateKey, createPublicKey, createSecretKey, createSign, createVerify,
    randomBytes, timingSafeEqual,
};
