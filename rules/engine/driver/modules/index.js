// `require`, and the modules that were there without it.
import lodash from "lodash";
import lodash2 from "lodash2";
import async2 from "async";
import async0 from "async0";
import moment from "moment";
// With the zones of 1970 to 2030: all times together are as large as everything else here.
import momentTimezone from "moment-timezone/builds/moment-timezone-with-data-1970-2030.js";
import ipaddr from "ipaddr.js";
import jsonwebtoken from "jsonwebtoken";
import q from "q";
import xtend from "xtend";
import buffer from "buffer/";
import axios from "./axios.js";
import crypto from "./crypto/index.js";
import { auth0Module } from "./auth0.js";
import { fetch, Headers, Request, Response } from "../globals/fetch.js";
import { ip } from "./ip.js";
import { jwt } from "./jwt.js";
import querystring from "./querystring.js";
import { request, requestPromise } from "./request.js";
import { timerGlobals } from "../globals/timers.js";
import { refusedModule } from "./refused.js";
import url from "./url.js";
import util from "./util.js";
import uuid from "./uuid.js";

const MODULES = {
    async: async2,
    auth0: auth0Module,
    axios,
    buffer,
    crypto,
    "ipaddr.js": ipaddr,
    jsonwebtoken,
    lodash,
    moment,
    "moment-timezone": momentTimezone,
    "node-fetch": Object.assign((...given) => fetch(...given), { default: fetch, Headers, Request, Response }),
    q,
    querystring,
    request,
    "request-promise": requestPromise,
    "request-promise-native": requestPromise,
    timers: timerGlobals,
    url,
    util,
    uuid,
    xtend,
};

// Versions that differ too much to stand for each other.
const OLDER = { "lodash@2": lodash2, "async@0": async0, "async@1": async0 };

/** The module of that name, with or without a version; an error lists those that are there. */
export function findModule(name) {
    const [, bare, version, path] = /^(?:node:)?([^@/][^@/]*)(?:@([^/]*))?(?:\/(.*))?$/.exec(name) ?? [];
    const major = /\d+/.exec(version ?? "")?.[0];
    const known = bare !== undefined && Object.hasOwn(MODULES, bare);
    const found = known ? OLDER[`${bare}@${major}`] ?? MODULES[bare] : undefined;
    // `lodash/get`, `uuid/v4`.
    const part = path === undefined ? found : found?.[path.replace(/\.js$/, "")];
    if (part !== undefined) return part;
    const reason = refusedModule(bare ?? name);
    throw new Error(`the module \`${name}\` is not there${reason}; those that are: ${Object.keys(MODULES).join(", ")}`);
}

export function require(name) {
    return findModule(String(name));
}

/** The names that need no `require`. Lodash and async are of the versions that these names always were. */
export const implicit = { _: lodash2, async: async0, ip, jwt, q, querystring, request, uuid, xtend };
