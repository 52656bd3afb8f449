// How bytes go to the host's operations.
import { Buffer } from "buffer/";
import { askBytes } from "../../natives.js";

/** Text in that encoding, or bytes, as bytes. */
export function toBytes(data, encoding) {
    if (typeof data === "string") return Buffer.from(data, encoding === "buffer" ? "utf8" : encoding);
    if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (data instanceof ArrayBuffer) return new Uint8Array(data);
    throw new TypeError(`The data must be a string or bytes, not ${data === null ? "null" : typeof data}`);
}

/** Several byte strings as one, each behind its length: 32 bits, big end first. */
export function pack(parts) {
    return Buffer.concat(parts.flatMap((part) => {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(part.length);
        return [length, part];
    }));
}

export function compute(operation, text, bytes) {
    const answer = askBytes(operation, text, bytes);
    return Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength);
}

/** Bytes in the encoding asked for, or as they are. */
export const encoded = (buffer, encoding) =>
    encoding === "base64url"
        ? buffer.toString("base64").replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "")
        : encoding && encoding !== "buffer" ? buffer.toString(encoding) : buffer;
