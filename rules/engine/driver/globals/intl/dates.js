// `Intl.DateTimeFormat`: the host says what the clock of a zone shows, this file writes it down.
import { ask, parse, stringify } from "../../natives.js";

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

// The order and the signs of numeric dates, and whether the day has twice twelve hours. Other languages are written as en-US.
const LOCALES = {
    "en-US": { date: ["month", "day", "year"], between: "/", hour12: true },
    "en-GB": { date: ["day", "month", "year"], between: "/", hour12: false, padded: true },
    "en-CA": { date: ["year", "month", "day"], between: "-", hour12: true, padded: true },
    "sv-SE": { date: ["year", "month", "day"], between: "-", hour12: false, padded: true },
};

const STYLES = {
    full: { date: { weekday: "long", year: "numeric", month: "long", day: "numeric" }, time: { hour: "numeric", minute: "2-digit", second: "2-digit", timeZoneName: "long" } },
    long: { date: { year: "numeric", month: "long", day: "numeric" }, time: { hour: "numeric", minute: "2-digit", second: "2-digit", timeZoneName: "short" } },
    medium: { date: { year: "numeric", month: "short", day: "numeric" }, time: { hour: "numeric", minute: "2-digit", second: "2-digit" } },
    short: { date: { year: "2-digit", month: "numeric", day: "numeric" }, time: { hour: "numeric", minute: "2-digit" } },
};

export class DateTimeFormat {
    #options;
    #locale;
    constructor(locales, options = {}) {
        const wanted = [locales ?? []].flat().map(String);
        this.#locale = wanted.find((name) => name in LOCALES) ?? "en-US";
        const { dateStyle, timeStyle, ...others } = options;
        this.#options = { ...(dateStyle && STYLES[dateStyle].date), ...(timeStyle && STYLES[timeStyle].time), ...others };
        this.#options.timeZone ??= "UTC";
        // An unknown zone is an error now, not when something is to be written.
        this.#clock(0);
        const { year, month, day, weekday, hour, minute, second, timeZoneName } = this.#options;
        if ([year, month, day, weekday, hour, minute, second, timeZoneName].every((each) => each === undefined)) {
            Object.assign(this.#options, { year: "numeric", month: "numeric", day: "numeric" });
        }
        this.format = (date) => this.formatToParts(date).map(({ value }) => value).join("");
    }
    #clock(milliseconds) {
        const text = ask("time.zone", stringify([this.#options.timeZone, milliseconds]));
        if (text === "") throw new RangeError(`Invalid time zone specified: ${this.#options.timeZone}`);
        return parse(text);
    }
    formatToParts(date = Date.now()) {
        const milliseconds = Number(date);
        if (!(Math.abs(milliseconds) <= 8.64e15)) throw new RangeError("Invalid time value");
        const clock = this.#clock(Math.floor(milliseconds));
        const parts = dateParts(clock, this.#options, LOCALES[this.#locale]);
        const time = timeParts(clock, this.#options, LOCALES[this.#locale]);
        if (parts.length > 0 && time.length > 0) parts.push(literal(", "));
        parts.push(...time);
        const { timeZoneName } = this.#options;
        if (timeZoneName !== undefined) {
            if (parts.length > 0) parts.push(literal(time.length > 0 ? " " : ", "));
            parts.push({ type: "timeZoneName", value: timeZoneName.includes("ffset") ? offsetName(clock.offset) : clock.name });
        }
        return parts;
    }
    resolvedOptions() {
        return { locale: this.#locale, calendar: "gregory", numberingSystem: "latn", ...this.#options };
    }
    static supportedLocalesOf(locales) {
        return [locales].flat().filter((name) => name in LOCALES);
    }
}

const literal = (value) => ({ type: "literal", value });
const two = (number) => String(number).padStart(2, "0");

function dateParts(clock, options, locale) {
    const named = options.month === "long" || options.month === "short" || options.month === "narrow";
    const number = (name, value) => {
        const pads = options[name] === "2-digit" || (!named && locale.padded && name !== "year");
        return pads ? two(value % 100) : String(value);
    };
    const values = {
        weekday: cut(DAYS[clock.weekday], options.weekday),
        year: number("year", clock.year),
        month: named ? cut(MONTHS[clock.month - 1], options.month) : number("month", clock.month),
        day: number("day", clock.day),
    };
    const there = locale.date.filter((name) => options[name] !== undefined);
    const order = named && locale.date[0] !== "day" ? ["month", "day", "year"].filter((name) => there.includes(name)) : there;
    const parts = [];
    if (options.weekday !== undefined) parts.push({ type: "weekday", value: values.weekday });
    order.forEach((name, i) => {
        if (i > 0) parts.push(literal(named ? (name === "year" && order[i - 1] === "day" ? ", " : " ") : locale.between));
        else if (parts.length > 0) parts.push(literal(named && locale.date[0] === "day" ? " " : ", "));
        parts.push({ type: name, value: values[name] });
    });
    return parts;
}

function cut(name, style) {
    if (style === "short") return name.slice(0, 3);
    return style === "narrow" ? name.slice(0, 1) : name;
}

function timeParts(clock, options, locale) {
    const { hour, minute, second, hourCycle, fractionalSecondDigits } = options;
    const hour12 = options.hour12 ?? (hourCycle !== undefined ? hourCycle === "h12" || hourCycle === "h11" : locale.hour12);
    const parts = [];
    const add = (type, value) => {
        if (parts.length > 0) parts.push(literal(":"));
        parts.push({ type, value });
    };
    if (hour !== undefined) {
        // `hour12: false` in en-US counts midnight as 24, as elsewhere.
        const h24 = clock.hour === 0 && options.hour12 === false && hourCycle === undefined && locale.hour12 ? 24 : clock.hour;
        const shown = hour12 ? clock.hour % 12 || 12 : h24;
        add("hour", hour === "2-digit" || !hour12 ? two(shown) : String(shown));
    }
    if (minute !== undefined) add("minute", hour === undefined && minute === "numeric" ? String(clock.minute) : two(clock.minute));
    if (second !== undefined) add("second", minute === undefined && second === "numeric" ? String(clock.second) : two(clock.second));
    if (fractionalSecondDigits !== undefined) {
        parts.push(literal("."), { type: "fractionalSecond", value: String(clock.millisecond).padStart(3, "0").slice(0, fractionalSecondDigits) });
    }
    if (hour !== undefined && hour12) {
        const [am, pm] = locale === LOCALES["en-CA"] ? ["a.m.", "p.m."] : ["AM", "PM"];
        parts.push(literal(locale === LOCALES["en-US"] || locale === LOCALES["en-CA"] ? "\u202f" : " "), { type: "dayPeriod", value: clock.hour < 12 ? am : pm });
    }
    return parts;
}

function offsetName(minutes) {
    if (minutes === 0) return "GMT";
    const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
    return `GMT${minutes < 0 ? "-" : "+"}${hours}${rest === 0 ? "" : `:${two(rest)}`}`;
}
