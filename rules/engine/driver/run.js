// One run: programs in order over one exchange. Every rule begins and ends at the host, which keeps fuel, log and
// faults apart.
import { ask, native, stringify } from "./natives.js";
import { asFailure, Denied } from "./errors.js";
import { takeEffects } from "./effects.js";
import { startAt } from "./globals/timers.js";
import { beginRule, exchange, setExchange } from "./state.js";
import { runClassic } from "./dialects/classic.js";
import { runPasswordExchange, runClientCredentialsExchange } from "./dialects/exchange.js";
import { runAction } from "./dialects/action.js";

const RUN = {
    classic: runClassic,
    "password-exchange": runPasswordExchange,
    "client-credentials-exchange": runClientCredentialsExchange,
    action: runAction,
};

/** Runs `programs` until one denies or fails. */
export function run(programs, given) {
    setExchange(given);
    startAt(exchange.now);
    for (let index = 0; index < programs.length; index++) {
        // By index: an iterator may be the tenant's by now.
        const program = programs[index];
        ask("rule.begin", `${index}`);
        beginRule();
        if (!decide(program[0], program[1])) return;
    }
}

/** Whether the next rule is to run. */
function decide(facts, bytecode) {
    let verdict = "";
    try {
        RUN[facts.dialect](() => native.load(bytecode), facts);
    } catch (error) {
        verdict = error instanceof Denied
            ? `,"denied":${stringify({ error: error.code, description: error.message })}`
            : `,"failed":${stringify(asFailure(error))}`;
    }
    ask("rule.end", `{"effects":[${takeEffects()}]${verdict}}`);
    return verdict === "";
}
