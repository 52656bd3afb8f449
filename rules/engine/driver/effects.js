// The effects that the current rule asks for, in the words of the rule interface, as one JSON text. A rule that put
// functions of its own in the place of JavaScript's must not speak for the next one, so nothing here calls them.
import { stringify } from "./natives.js";

const { hasOwn } = Object;
const { isArray } = Array;

let effects = "";

function push(effect, name, value) {
    effects += `${effects === "" ? "" : ","}{"effect":"${effect}"`;
    if (name !== undefined) effects += `,"name":${stringify(`${name}`)}`;
    if (value !== undefined) effects += `,"value":${value}`;
    effects += "}";
}

/** All of them, comma between, and none is left. */
export function takeEffects() {
    const text = effects;
    effects = "";
    return text;
}

const setClaimText = (token, name, text) => push(`set-${token}-claim`, name, text);
const removeClaim = (token, name) => push(`remove-${token}-claim`, name);
export const addScope = (scope) => push("add-scope", scope);
export const removeScope = (scope) => push("remove-scope", scope);
export const replaceScopes = (scopes) => push("replace-scopes", undefined, stringify(scopes));

export function requireMfa(provider, allowRemember) {
    push("require-mfa", provider, `{"allow_remember":${allowRemember}}`);
}

/** Merges into `app` or `user` metadata, first level; null deletes. */
export function mergeMetadata(which, object) {
    push(`merge-${which}-metadata`, undefined, stringify(object));
}

/** Sets a claim of the `access` or the `id` token; what JSON has no word for vanishes. */
export function setClaim(token, name, value) {
    const text = stringify(value);
    if (text !== undefined) setClaimText(token, name, text);
}

/** What an object of claims holds now, as JSON texts by name; `scope` is no claim. */
export function claimTexts(claims) {
    const texts = { __proto__: null };
    for (const name in claims) {
        const text = name === "scope" || !hasOwn(claims, name) ? undefined : stringify(claims[name]);
        if (text !== undefined) texts[name] = text;
    }
    return texts;
}

/** Turns the difference between two such objects into effects. */
export function claimEffects(token, before, after) {
    for (const name in after) if (before[name] !== after[name]) setClaimText(token, name, after[name]);
    for (const name in before) if (!(name in after)) removeClaim(token, name);
}

/** Scopes as rules write them: an array, or one text with spaces between. */
export function scopeList(scope) {
    if (scope === undefined || scope === null) return [];
    if (!isArray(scope)) return words(`${scope}`);
    const list = [];
    for (let i = 0; i < scope.length; i++) if (`${scope[i]}` !== "") list[list.length] = `${scope[i]}`;
    return list;
}

function words(text) {
    const list = [];
    let word = "";
    for (let i = 0; i <= text.length; i++) {
        if (i < text.length && text[i] !== " ") word += text[i];
        else if (word !== "") {
            list[list.length] = word;
            word = "";
        }
    }
    return list;
}
