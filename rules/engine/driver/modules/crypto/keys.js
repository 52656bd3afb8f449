// Keys: the host reads PEM, and says what is in it.
import { Buffer } from "buffer/";
import { ask, parse } from "../../natives.js";
import { toBytes } from "./host.js";

export class KeyObject {
    constructor(type, bytes, facts = {}) {
        this.type = type;
        if (facts.kind !== undefined) {
            this.asymmetricKeyType = facts.kind;
            this.asymmetricKeyDetails = { modulusLength: facts.bits, namedCurve: facts.curve };
        }
        Object.defineProperty(this, "_bytes", { value: bytes });
        if (type === "secret") this.symmetricKeySize = bytes.length;
    }
    export(options = {}) {
        const buffer = Buffer.from(this._bytes);
        return this.type === "secret" || options.format !== "pem" ? buffer : buffer.toString("utf8");
    }
}

export function createSecretKey(key, encoding) {
    return new KeyObject("secret", toBytes(key, encoding));
}

function read(key, wanted) {
    if (key instanceof KeyObject) return key;
    const given = typeof key === "string" || ArrayBuffer.isView(key) ? key : key?.key;
    if (given instanceof KeyObject) return given;
    if (key?.format !== undefined && key.format !== "pem") throw new Error(`keys are read as PEM, not as \`${key.format}\``);
    if (key?.passphrase !== undefined && key.passphrase !== "") throw new Error("encrypted keys are not read; store the key in the rule's configuration without a passphrase");
    const bytes = toBytes(given);
    const facts = parse(ask("crypto.key", wanted, bytes));
    return new KeyObject(facts.type, bytes, facts);
}

export const createPrivateKey = (key) => read(key, "private");
export const createPublicKey = (key) => read(key, "public");

/** The bytes of a key for HMAC. */
export const keyBytes = (key) => (key instanceof KeyObject ? key._bytes : toBytes(key));
