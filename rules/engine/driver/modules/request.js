// `request` and `request-promise`, of which no release is kept any more: what rules use of them, over the host.
import { Buffer } from "buffer/";
import { send } from "../globals/fetch.js";
import { Headers } from "../globals/headers.js";
import querystring from "./querystring.js";
import urls from "./url.js";

const VERBS = { get: "GET", head: "HEAD", options: "OPTIONS", post: "POST", put: "PUT", patch: "PATCH", del: "DELETE", delete: "DELETE" };

/** `request(url, options, callback)` in all its orders. */
function optionsOf(defaults, [first, second, third]) {
    const given = typeof first === "string" ? { uri: first } : first;
    const more = typeof second === "object" && second !== null ? second : {};
    const callback = [second, third, given.callback].find((each) => typeof each === "function");
    const headers = { ...defaults.headers, ...given.headers, ...more.headers };
    return { ...defaults, ...given, ...more, headers, callback };
}

function messageOf(options) {
    const headers = new Headers(options.headers);
    let url = options.uri ?? options.url;
    if (typeof url === "object" && url !== null) url = url.href ?? urls.format(url);
    if (typeof url !== "string") throw new Error("options.uri is a required argument");
    if (options.baseUrl !== undefined) url = `${options.baseUrl.replace(/\/$/, "")}/${url.replace(/^\//, "")}`;
    if (options.qs !== undefined) {
        const query = querystring.stringify(options.qs);
        if (query !== "") url += `${url.includes("?") ? "&" : "?"}${query}`;
    }
    const auth = options.auth ?? {};
    const bearer = typeof auth.bearer === "function" ? auth.bearer() : auth.bearer;
    const user = auth.user ?? auth.username;
    if (bearer !== undefined) headers.set("authorization", `Bearer ${bearer}`);
    else if (user !== undefined) {
        const pair = `${user}:${auth.pass ?? auth.password ?? ""}`;
        headers.set("authorization", `Basic ${Buffer.from(pair).toString("base64")}`);
    }
    const body = bodyOf(options, headers);
    return { url, headers, body, timeout: options.timeout, redirect: options.followRedirect === false ? "manual" : "follow" };
}

function bodyOf(options, headers) {
    const setType = (type) => headers.has("content-type") || headers.set("content-type", type);
    if (options.multipart || options.formData) throw new Error("request: `formData` and `multipart` are not there");
    if (options.form !== undefined) {
        setType("application/x-www-form-urlencoded");
        return Buffer.from(typeof options.form === "string" ? options.form : querystring.stringify(options.form));
    }
    if (options.json !== undefined && options.json !== false && !headers.has("accept")) headers.set("accept", "application/json");
    const json = options.json === true ? options.body : options.json || undefined;
    if (json !== undefined && options.json) {
        setType("application/json");
        return Buffer.from(JSON.stringify(json));
    }
    if (options.body === undefined || options.body === null) return undefined;
    if (typeof options.body !== "string" && !ArrayBuffer.isView(options.body)) {
        throw new Error("Argument error, options.body.");
    }
    return Buffer.from(options.body);
}

function responseOf(options, answer, bytes) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let body = options.encoding === null ? buffer : buffer.toString(options.encoding ?? "utf8");
    if (options.json && typeof body === "string") {
        try {
            body = JSON.parse(body);
        } catch {
            // As `request` does: what is not JSON stays a text.
        }
    }
    const headers = Object.fromEntries(answer.headers);
    return { statusCode: answer.status, statusMessage: "", headers, body, request: { uri: urls.parse(answer.url), href: answer.url } };
}

/** What a call returns: events for those who listen, and a promise in the other package. */
class Call {
    #listeners = {};
    on(event, listener) {
        (this.#listeners[event] ??= []).push(listener);
        return this;
    }
    once(event, listener) { return this.on(event, listener); }
    _emit(event, ...values) {
        const listeners = this.#listeners[event] ?? [];
        for (const listener of listeners) listener.apply(this, values);
        return listeners.length > 0;
    }
    abort() { this._aborted = true; }
    pipe() { throw new Error("request: `pipe` is not there; use the callback"); }
}

function start(options, call, done) {
    let message;
    try {
        message = messageOf(options);
    } catch (error) {
        return void Promise.resolve().then(() => done(error));
    }
    const method = (options.method ?? "GET").toUpperCase();
    send({ method, ...message }, (error, answer, bytes) => {
        if (call._aborted) return;
        if (error) return done(error);
        const response = responseOf(options, answer, bytes);
        done(null, response, response.body);
    });
}

function make(defaults, run) {
    const request = (...given) => run(optionsOf(defaults, given));
    for (const [name, method] of Object.entries(VERBS)) {
        request[name] = (...given) => run({ ...optionsOf(defaults, given), method });
    }
    request.defaults = (more) => make({ ...defaults, ...more, headers: { ...defaults.headers, ...more.headers } }, run);
    request.jar = () => {
        throw new Error("request: cookies are not kept; `jar` is not there");
    };
    return request;
}

export const request = make({}, (options) => {
    const call = new Call();
    start(options, call, (error, response, body) => {
        if (error) {
            const heard = call._emit("error", error);
            if (options.callback) options.callback(error);
            else if (!heard) throw error;
            return;
        }
        call._emit("response", response);
        call._emit("data", body);
        options.callback?.(null, response, body);
        call._emit("end");
        call._emit("complete", response, body);
    });
    return call;
});

class StatusCodeError extends Error {
    constructor(response, options) {
        super(`${response.statusCode} - ${JSON.stringify(response.body)}`);
        Object.assign(this, { name: "StatusCodeError", statusCode: response.statusCode, error: response.body, options, response });
    }
}

class RequestError extends Error {
    constructor(cause, options) {
        super(String(cause));
        Object.assign(this, { name: "RequestError", cause, error: cause, options });
    }
}

export const requestPromise = make({}, (options) => {
    const call = new Call();
    const promise = new Promise((resolve, reject) => start(options, call, (error, response, body) => {
        if (options.callback) options.callback(error, response, body);
        if (error) return reject(new RequestError(error, options));
        const failed = options.simple !== false && (response.statusCode < 200 || response.statusCode > 299);
        if (failed) return reject(new StatusCodeError(response, options));
        resolve(options.resolveWithFullResponse ? response : body);
    }));
    return Object.assign(call, {
        then: (...handlers) => promise.then(...handlers),
        catch: (handler) => promise.catch(handler),
        finally: (handler) => promise.finally(handler),
        promise: () => promise,
    });
});
requestPromise.errors = { StatusCodeError, RequestError };
