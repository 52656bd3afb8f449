"""What a runner reports: one JSON line for each client, grant and outcome. `run.py` makes the table."""

import json
import os

with open(os.environ["CLAIMSMITH_HOUSE"], encoding="utf-8") as file:
    house = json.load(file)


def step(client, grant):
    """Runs the decorated function at once and reports how it went."""

    def run(attempt):
        outcome, detail = "ok", ""
        try:
            attempt()
        except Exception as error:  # whatever a library throws is an outcome
            outcome, detail = "FAILED", f"{type(error).__name__}: {error}"
        print(json.dumps({"client": client, "grant": grant, "outcome": outcome, "detail": detail}), flush=True)

    return run
