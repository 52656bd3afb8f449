// `Intl.DateTimeFormat` and `Intl.NumberFormat` as far as rules use them, and the `toLocale…String` of Date and Number.
// Time zones are the host's; of languages there is English, and the forms of dates that people choose it for.
import { DateTimeFormat } from "./dates.js";
import { NumberFormat } from "./numbers.js";

const notThere = (name) => class {
    constructor() {
        throw new Error(`Intl.${name} is not there; Intl.DateTimeFormat and Intl.NumberFormat are`);
    }
};

export const Intl = { DateTimeFormat, NumberFormat, getCanonicalLocales: (locales) => [locales].flat().map(String) };
for (const name of ["Collator", "DisplayNames", "ListFormat", "Locale", "PluralRules", "RelativeTimeFormat", "Segmenter"]) {
    Intl[name] = notThere(name);
}

const DATE = { year: "numeric", month: "numeric", day: "numeric" };
const TIME = { hour: "numeric", minute: "2-digit", second: "2-digit" };
const PARTS_OF_DATE = ["weekday", "year", "month", "day", "dateStyle"];
const PARTS_OF_TIME = ["hour", "minute", "second", "dayPeriod", "fractionalSecondDigits", "timeStyle"];

const has = (options, names) => names.some((name) => options[name] !== undefined);

/** Puts the methods in place that the engine has without languages and zones. */
export function localeMethods() {
    const methods = {
        toLocaleString: (options) => (has(options, [...PARTS_OF_DATE, ...PARTS_OF_TIME]) ? {} : { ...DATE, ...TIME }),
        toLocaleDateString: (options) => (has(options, PARTS_OF_DATE) ? {} : DATE),
        toLocaleTimeString: (options) => (has(options, PARTS_OF_TIME) ? {} : TIME),
    };
    for (const [name, defaults] of Object.entries(methods)) {
        const value = function (locales, options = {}) {
            if (Number.isNaN(this.getTime())) return "Invalid Date";
            return new DateTimeFormat(locales, { ...defaults(options), ...options }).format(this);
        };
        Object.defineProperty(Date.prototype, name, { value, writable: true, configurable: true });
    }
    const value = function (locales, options) {
        return new NumberFormat(locales, options).format(this);
    };
    Object.defineProperty(Number.prototype, "toLocaleString", { value, writable: true, configurable: true });
}
