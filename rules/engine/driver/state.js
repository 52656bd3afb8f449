// What belongs to this run. An instance serves one exchange, so plain variables will do.
import { ask, parse } from "./natives.js";

/** What the host shows of the exchange; `src/rule_host/javascript/shown.rs` says what there is for which dialect. */
export let exchange;
let configuration;

export function setExchange(value) {
    exchange = value;
}

export function beginRule() {
    configuration = undefined;
}

/** The values that the tenant gave this rule, asked for once and only if it reads them. */
export function configured() {
    configuration ??= Object.freeze(parse(ask("configuration")));
    return configuration;
}
