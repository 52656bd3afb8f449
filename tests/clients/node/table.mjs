// What a runner reports: one JSON line for each client, grant and outcome. `run.py` makes the table.
import { readFileSync } from 'node:fs';
import process from 'node:process';

export const house = JSON.parse(readFileSync(process.env.CLAIMSMITH_HOUSE, 'utf8'));

export async function step(client, grant, attempt) {
  let outcome = 'ok';
  let detail = '';
  try {
    detail = (await attempt()) ?? '';
  } catch (error) {
    outcome = 'FAILED';
    detail = [error.message, error.error, error.error_description, error.cause?.message].filter(Boolean).join(': ');
  }
  console.log(JSON.stringify({ client, grant, outcome, detail }));
}

export function assert(holds, what) {
  if (!holds) throw new Error(what);
}

/** That the server refuses, and with which code. */
export async function refused(code, attempt) {
  try {
    await attempt();
  } catch (error) {
    assert(error.error === code, `refused with ${error.error ?? error.message} instead of ${code}`);
    return;
  }
  throw new Error(`not refused, ${code} expected`);
}
