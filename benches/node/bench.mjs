// The rule of `rule.js` in Node: `vm` with a fresh context, and `isolated-vm` with a fresh isolate, for each call.
// Both parse the exchange, run the rule, and write out what it changed, as the server's engine does.
import { readFileSync } from "node:fs";
import vm from "node:vm";
import ivm from "isolated-vm";

const rule = readFileSync(new URL("rule.js", import.meta.url), "utf8");
const exchange = readFileSync(new URL("exchange.json", import.meta.url), "utf8");
const program = `
    const { user, context } = JSON.parse(exchange);
    let result;
    (${rule.replace(/^\/\/.*\n/, "")})(user, context, (error) => {
        result = JSON.stringify({ error, idToken: context.idToken, accessToken: context.accessToken });
    });
    result`;

function inContext() {
    return new vm.Script(program).runInContext(vm.createContext({ exchange }));
}

function inIsolate() {
    const isolate = new ivm.Isolate({ memoryLimit: 32 });
    const context = isolate.createContextSync();
    context.global.setSync("exchange", exchange);
    const result = isolate.compileScriptSync(program).runSync(context);
    isolate.dispose();
    return result;
}

const candidates = [
    { name: "node:vm, fresh context", run: inContext, samples: [] },
    { name: "isolated-vm, fresh isolate", run: inIsolate, samples: [] },
];
const expected = inContext();
for (let round = 0; round < 550; round++) {
    for (const { name, run, samples } of candidates) {
        const start = process.hrtime.bigint();
        const result = run();
        const elapsed = Number(process.hrtime.bigint() - start) / 1000;
        if (result !== expected) throw new Error(`${name} answers otherwise: ${result}`);
        if (round >= 50) samples.push(elapsed);
    }
}
console.log(`rule: ${rule.length} bytes, exchange: ${exchange.length} bytes, 500 rounds`);
for (const { name, samples } of candidates) {
    samples.sort((a, b) => a - b);
    const at = (percent) => samples[Math.floor((samples.length * percent) / 100)].toFixed(1);
    console.log(`${at(50).padStart(9)} µs p50 ${at(99).padStart(9)} µs p99  ${name}`);
}
