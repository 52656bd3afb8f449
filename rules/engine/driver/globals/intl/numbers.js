// Numbers in English: groups of three, a decimal point.
export class NumberFormat {
    #options;
    constructor(locales, options = {}) {
        if (options.style !== undefined && !["decimal", "percent"].includes(options.style)) {
            throw new RangeError(`Intl.NumberFormat: the style \`${options.style}\` is not there; \`decimal\` and \`percent\` are`);
        }
        this.#options = options;
    }
    format(given) {
        const { style, useGrouping = true, minimumFractionDigits = 0 } = this.#options;
        const number = Number(given) * (style === "percent" ? 100 : 1);
        if (!Number.isFinite(number)) return Number.isNaN(number) ? "NaN" : number < 0 ? "-∞" : "∞";
        const most = this.#options.maximumFractionDigits ?? Math.max(minimumFractionDigits, style === "percent" ? 0 : 3);
        const [whole, fraction = ""] = Math.abs(number).toFixed(Math.min(most, 20)).split(".");
        const least = fraction.replace(/0+$/, "").padEnd(minimumFractionDigits, "0");
        const grouped = useGrouping ? whole.replace(/\B(?=(\d{3})+$)/g, ",") : whole;
        return `${number < 0 ? "-" : ""}${grouped}${least === "" ? "" : `.${least}`}${style === "percent" ? "%" : ""}`;
    }
    resolvedOptions() { return { locale: "en-US", numberingSystem: "latn", style: "decimal", ...this.#options }; }
}
