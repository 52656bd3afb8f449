// npm's `axios`, sending through the host.
import axios from "axios";
import { Buffer } from "buffer/";
import { bodyBytes, send } from "../globals/fetch.js";

axios.defaults.adapter = (config) => new Promise((resolve, reject) => {
    const { AxiosError, AxiosHeaders } = axios;
    const { signal } = config;
    const abort = () => reject(new axios.CanceledError(undefined, config));
    if (signal?.aborted) return abort();
    signal?.addEventListener?.("abort", abort);
    const url = axios.getUri(config);
    const method = config.method.toUpperCase();
    const headers = Object.entries(AxiosHeaders.from(config.headers).toJSON()).map(([name, value]) => [name, String(value)]);
    if (config.auth) {
        const { username = "", password = "" } = config.auth;
        headers.push(["authorization", `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`]);
    }
    const { bytes } = bodyBytes(config.data);
    const redirect = config.maxRedirects === 0 ? "manual" : "follow";
    send({ method, url, headers, body: bytes, timeout: config.timeout, redirect }, (error, answer, given) => {
        const request = { method, url };
        if (error) {
            const code = error.code === "ETIMEDOUT" ? AxiosError.ECONNABORTED : error.code ?? AxiosError.ERR_NETWORK;
            return reject(new AxiosError(error.message, code, config, request));
        }
        const buffer = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
        const response = {
            data: config.responseType === "arraybuffer" ? buffer : buffer.toString("utf8"),
            status: answer.status,
            statusText: "",
            headers: AxiosHeaders.from(Object.fromEntries(answer.headers)),
            config,
            request,
        };
        if (!config.validateStatus || config.validateStatus(answer.status)) return resolve(response);
        const code = answer.status < 500 ? AxiosError.ERR_BAD_REQUEST : AxiosError.ERR_BAD_RESPONSE;
        reject(new AxiosError(`Request failed with status code ${answer.status}`, code, config, request, response));
    });
});

export default axios;
