// `fetch`, `Request` and `Response`, over the host's two operations. A body is all there when its head is.
import { Buffer } from "buffer/";
import { startRequest } from "../loop.js";
import { Headers } from "./headers.js";
import { URLSearchParams } from "./url.js";

export { Headers };

/** A body as bytes, and the type that it has by itself. */
export function bodyBytes(body) {
    if (body === undefined || body === null) return {};
    if (body instanceof URLSearchParams) {
        return { bytes: Buffer.from(String(body)), type: "application/x-www-form-urlencoded;charset=UTF-8" };
    }
    if (ArrayBuffer.isView(body)) return { bytes: new Uint8Array(body.buffer, body.byteOffset, body.byteLength) };
    if (body instanceof ArrayBuffer) return { bytes: new Uint8Array(body) };
    return { bytes: Buffer.from(String(body)), type: "text/plain;charset=UTF-8" };
}

/** Sends one request; `done(error, answer, bytes)`. */
export function send({ method, url, headers, body, timeout, redirect }, done) {
    const request = { method, url, headers: [...headers], timeout_ms: timeout > 0 ? timeout : null, redirect };
    startRequest(request, body, (answer, bytes) => {
        if (answer.error === undefined) return done(null, answer, bytes);
        done(Object.assign(new Error(answer.error), { code: answer.code }));
    });
}

class Body {
    bodyUsed = false;
    constructor(bytes = new Uint8Array(0)) {
        this._bytes = bytes;
    }
    async #take() {
        if (this.bodyUsed) throw new TypeError("Body is unusable: Body has already been read");
        this.bodyUsed = true;
        return Buffer.from(this._bytes.buffer, this._bytes.byteOffset, this._bytes.byteLength);
    }
    async text() { return (await this.#take()).toString("utf8").replace(/^\uFEFF/, ""); }
    async json() { return JSON.parse(await this.text()); }
    async arrayBuffer() { return new Uint8Array(await this.#take()).buffer; }
    async bytes() { return new Uint8Array(await this.#take()); }
    async buffer() { return this.#take(); }
}

export class Request extends Body {
    constructor(input, options = {}) {
        const from = input instanceof Request ? input : {};
        const { bytes, type } = bodyBytes(options.body);
        super(bytes ?? from._bytes);
        this.url = input instanceof Request ? input.url : String(input);
        this.method = String(options.method ?? from.method ?? "GET").toUpperCase();
        this.headers = new Headers(options.headers ?? from.headers);
        this.redirect = options.redirect ?? from.redirect ?? "follow";
        this.signal = options.signal ?? from.signal;
        if (type !== undefined && !this.headers.has("content-type")) this.headers.set("content-type", type);
        if (this._bytes.length > 0 && (this.method === "GET" || this.method === "HEAD")) {
            throw new TypeError("Request with GET/HEAD method cannot have body");
        }
    }
    clone() { return new Request(this); }
}

export class Response extends Body {
    constructor(body, options = {}) {
        const { bytes, type } = bodyBytes(body);
        super(bytes);
        this.status = options.status ?? 200;
        this.statusText = options.statusText ?? "";
        this.headers = new Headers(options.headers);
        this.url = options.url ?? "";
        this.redirected = options.redirected ?? false;
        this.type = "basic";
        if (type !== undefined && !this.headers.has("content-type")) this.headers.set("content-type", type);
    }
    get ok() { return this.status >= 200 && this.status <= 299; }
    get body() {
        throw new Error("response.body is not there: a response comes whole; use text(), json() or arrayBuffer()");
    }
    clone() { return new Response(this._bytes, this); }
    static json(value, options = {}) {
        const headers = new Headers(options.headers);
        if (!headers.has("content-type")) headers.set("content-type", "application/json");
        return new Response(JSON.stringify(value), { ...options, headers });
    }
    static error() { return new Response(null, { status: 0 }); }
}

export function fetch(input, options = {}) {
    return new Promise((resolve, reject) => {
        const request = new Request(input, options);
        const { signal } = request;
        if (signal?.aborted) return reject(signal.reason);
        signal?.addEventListener("abort", () => reject(signal.reason));
        const { method, url, headers, redirect } = request;
        // node-fetch 2 has a `timeout` of its own.
        send({ method, url, headers, body: request._bytes, redirect, timeout: options.timeout }, (error, answer, bytes) => {
            if (error) reject(new TypeError(`fetch failed: ${error.message}`, { cause: error }));
            else resolve(new Response(bytes, answer));
        });
    });
}
