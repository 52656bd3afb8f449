// `TextEncoder` and `TextDecoder`, on top of Buffer.
import { Buffer } from "buffer/";

export class TextEncoder {
    get encoding() { return "utf-8"; }
    encode(text = "") {
        const bytes = Buffer.from(String(text), "utf8");
        return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    encodeInto(text, target) {
        const bytes = this.encode(text).subarray(0, target.length);
        target.set(bytes);
        return { read: text.length, written: bytes.length };
    }
}

const NAMES = {
    utf8: "utf-8", "utf-8": "utf-8", "unicode-1-1-utf-8": "utf-8",
    latin1: "latin1", "iso-8859-1": "latin1", ascii: "latin1", "us-ascii": "latin1",
    "utf-16le": "utf-16le", "utf-16": "utf-16le",
};

export class TextDecoder {
    constructor(label = "utf-8", options = {}) {
        this.encoding = NAMES[String(label).trim().toLowerCase()];
        if (this.encoding === undefined) throw new RangeError(`TextDecoder: the encoding \`${label}\` is not there`);
        this.fatal = Boolean(options.fatal);
        this.ignoreBOM = Boolean(options.ignoreBOM);
    }
    decode(input = new Uint8Array(0)) {
        const bytes = ArrayBuffer.isView(input)
            ? Buffer.from(input.buffer, input.byteOffset, input.byteLength)
            : Buffer.from(input);
        const text = bytes.toString(this.encoding === "utf-8" ? "utf8" : this.encoding);
        if (this.fatal && this.encoding === "utf-8" && !Buffer.from(text, "utf8").equals(bytes)) {
            throw new TypeError("The encoded data was not valid for encoding utf-8");
        }
        return this.ignoreBOM ? text : text.replace(/^\uFEFF/, "");
    }
}
