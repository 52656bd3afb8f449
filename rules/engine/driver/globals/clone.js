// `structuredClone`, for what rules hold: plain data, dates, maps, sets, errors, bytes, cycles included.
export function structuredClone(value) {
    return clone(value, new Map());
}

function clone(value, seen) {
    if (typeof value === "function" || typeof value === "symbol") {
        throw new DOMException(`${String(value)} could not be cloned.`, "DataCloneError");
    }
    if (typeof value !== "object" || value === null) return value;
    if (seen.has(value)) return seen.get(value);
    const keep = (copy) => {
        seen.set(value, copy);
        return copy;
    };
    if (value instanceof Date) return keep(new Date(value.getTime()));
    if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
    if (value instanceof ArrayBuffer) return keep(value.slice(0));
    if (ArrayBuffer.isView(value)) {
        return keep(value instanceof DataView ? new DataView(value.buffer.slice(0)) : value.slice());
    }
    if (value instanceof Map) {
        const copy = keep(new Map());
        value.forEach((each, key) => copy.set(clone(key, seen), clone(each, seen)));
        return copy;
    }
    if (value instanceof Set) {
        const copy = keep(new Set());
        value.forEach((each) => copy.add(clone(each, seen)));
        return copy;
    }
    if (value instanceof Error) {
        const copy = keep(new Error(value.message));
        copy.name = value.name;
        copy.stack = value.stack;
        return copy;
    }
    const copy = keep(Array.isArray(value) ? new Array(value.length) : {});
    for (const key of Object.keys(value)) {
        const member = { value: clone(value[key], seen), writable: true, enumerable: true, configurable: true };
        Object.defineProperty(copy, key, member);
    }
    return copy;
}
