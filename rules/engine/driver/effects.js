// The effects that the current rule asks for, in the words of the rule interface, as one JSON text. A rule that put
// functions of its own in the place of JavaScript's must not speak for the next one, so nothing here calls them.
import { changes, stringify } from "./natives.js";

const { isArray } = Array;

const SET = { access: "set-access-claim", id: "set-id-claim", profile: "set-id-claim" };
const REMOVE = { access: "remove-access-claim", id: "remove-id-claim" };

let effects = "";

function push(effect, name, value) {
    let text = effects === "" ? '{"effect":"' : ',{"effect":"';
    text += effect;
    text += '"';
    if (name !== undefined) text += ',"name":' + stringify(`${name}`);
    if (value !== undefined) text += ',"value":' + value;
    effects += text + "}";
}

/** All of them, comma between, and none is left. */
export function takeEffects() {
    const text = effects;
    effects = "";
    return text;
}

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
    if (text !== undefined) push(SET[token], name, text);
}

/** Turns the difference between two objects with the texts of claims into effects; `scope` is no claim. */
export function claimEffects(token, before, after) {
    const text = changes(SET[token], REMOVE[token], before, after);
    if (text !== "") effects += effects === "" ? text : "," + text;
}

/** Scopes as rules write them: an array, or one text with spaces between. */
export function scopeList(scope) {
    if (scope === undefined || scope === null) return [];
    if (!isArray(scope)) return words(`${scope}`);
    const list = [];
    for (let i = 0; i < scope.length; i++) {
        const text = `${scope[i]}`;
        if (text !== "") list[list.length] = text;
    }
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
