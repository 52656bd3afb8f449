#!/usr/bin/env python3
"""Sends the management API what its own document allows, and what it forbids, and holds the answers to the document.

Usage: run.py CLAIMSMITH [CASES_PER_OPERATION]. Makes a data directory with one of everything by the command line,
starts the server, and lets schemathesis loose on /api/v2/openapi.json with a token that may do all there is. Fails on
every finding; when fewer cases ran than must; and when an operation never succeeded that can: what is only ever
refused was not tested. hooks.py puts names of things that are there in the place of some random ones, and sees to it
that nothing is deleted that others need.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from server import PATIENCE_S, Server  # noqa: E402

API = "https://orders.example/"
RULE = "function adds(user, context, callback) { callback(null, user, context); }"
ACTION = "exports.onExecutePostLogin = async (event, api) => {};"
CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance",
          "response_headers_conformance", "response_schema_conformance"]
SEED = 20261128
# Each leaves a refresh token to hand back.
LOGINS = 40
FEWEST = 2_000
# They cannot succeed here, and why.
NEVER = {
    "POST /api/v2/keys/signing/rotate": "the next keys were published a moment ago",
    "PUT /api/v2/keys/signing/{kid}/revoke": "without a rotation there is no previous key",
    "POST /api/v2/jobs/verification-email": "addresses are not verified here",
    "POST /api/v2/users/{user_id}/identities": "accounts are not linked here",
    "DELETE /api/v2/users/{user_id}/identities/{provider}/{identity}": "accounts are not linked here",
}


def main():
    claimsmith = str(pathlib.Path(sys.argv[1]).resolve())
    examples = sys.argv[2] if len(sys.argv) > 2 else "12"
    with tempfile.TemporaryDirectory() as folder:
        with House(claimsmith, pathlib.Path(folder)) as server:
            house = server.house()
            counts = pathlib.Path(folder) / "counts.json"
            env = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE),
                   "CLAIMSMITH_HOUSE": json.dumps(house), "CLAIMSMITH_COUNTS": str(counts)}
            program = pathlib.Path(sys.executable).parent / "schemathesis"
            command = [program, "--config-file", HERE / "schemathesis.toml", "run",
                       f"{server.issuer}api/v2/openapi.json", "--url", server.issuer,
                       "--header", f"Authorization: Bearer {house['token']}", "--checks", ",".join(CHECKS),
                       "--phases", "examples,coverage,fuzzing,stateful", "--seed", str(SEED), "--max-examples", examples,
                       "--generation-deterministic", "--workers", "2",
                       "--warnings", "off", "--continue-on-failure", "--request-timeout", "30", "--no-color"]
            started = time.monotonic()
            done = subprocess.run(command, env=env, cwd=folder, timeout=3 * PATIENCE_S)
            seconds = time.monotonic() - started
            # Its client is there and may still do what it might.
            still = "clients" in server.ask("GET", "clients?include_totals=true", house["token"])
            known = json.loads(counts.read_text()) if counts.exists() else {}
        problems = judge(known, seconds)
    if done.returncode != 0:
        problems.append(f"schemathesis ended with {done.returncode}")
    if not still:
        problems.append("at the end the token was refused")
    for problem in problems:
        print(f"WRONG {problem}")
    sys.exit(1 if problems else 0)


def judge(counts, seconds):
    """Prints what became of each operation, and returns what is wrong."""
    document = json.loads((HERE / "../../docs/openapi.json").read_text())
    operations = [f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods]
    problems = []
    for operation in operations:
        answers = counts.get(operation, {})
        good = sum(count for status, count in answers.items() if status.startswith("2"))
        print(f"{operation:62} {sum(answers.values()):5} {good:5} "
              + " ".join(f"{status}:{count}" for status, count in sorted(answers.items())))
        if (good == 0) != (operation in NEVER):
            problems.append(f"{operation} succeeded {good} times")
    total = sum(sum(answers.values()) for answers in counts.values())
    if total < FEWEST:
        problems.append(f"{total} cases ran where at least {FEWEST} must")
    print(f"{total} cases of {len(operations)} operations in {seconds:.0f} s")
    return problems


class House(Server):
    """A server with one of everything."""

    # Many log in, and none of it is about hashing.
    OPTIONS = ["--argon2-memory-kib", "8", "--argon2-passes", "1"]

    def __init__(self, claimsmith, folder):
        self.folder = folder
        super().__init__(claimsmith, folder / "data")

    def furnish(self):
        self.administrator = self.cli("init", "--tenant", "acme", "--issuer", self.issuer)["administrator"]
        # The endpoints for other tenants are the operator's.
        self.cli("tenant", "set", "acme", "--operator", "true")
        self.cli("api", "create", API, "--scope", "read:orders", "--scope", "write:orders", "--allow-offline-access")
        self.till = self.cli("client", "create", "Till", "--auth", "client_secret_post", "--grant", "password",
                             "--grant", "refresh_token")
        self.admin = self.cli("client", "create", "Admin", "--auth", "client_secret_post",
                              "--grant", "client_credentials")
        self.grant = self.cli("client-grant", "create", self.admin["client_id"], f"{self.issuer}api/v2/",
                              "--all-scopes")
        script = self.folder / "adds.js"
        script.write_text(RULE)
        self.cli("rule", "upload", "lasting", str(script))
        self.cli("rule", "bind", "lasting")
        self.cli("rule", "configure", "LASTING", "value")
        self.cli("rule", "record", "--keep", "20")

    def house(self):
        """What the hooks need: a token, and one thing of each kind."""
        token = self.token(grant_type="client_credentials", audience=f"{self.issuer}api/v2/",
                           client_id=self.admin["client_id"], client_secret=self.admin["client_secret"])["access_token"]
        action = {"name": "lasting", "code": ACTION, "supported_triggers": [{"id": "post-login"}], "deploy": True}
        action = self.ask("POST", "actions/actions", token, action)
        bindings = {"bindings": [{"ref": {"type": "action_id", "value": action["id"]}}]}
        self.ask("PATCH", "actions/triggers/post-login/bindings", token, bindings)
        login = {"grant_type": "password", "username": self.administrator["email"],
                 "password": self.administrator["password"], "audience": API, "scope": "offline_access",
                 "client_id": self.till["client_id"], "client_secret": self.till["client_secret"]}
        logged_in = []
        for number in range(LOGINS):
            self.token(**login)
            user = {"connection": "Username-Password-Authentication", "email": f"user{number}@example.com",
                    "password": "correct horse battery staple"}
            logged_in.append(self.ask("POST", "users", token, user)["user_id"])
            self.token(**{**login, "username": user["email"], "password": user["password"]})
        # An execution is an exchange in which an action ran.
        execution = self.ask("GET", f"exchanges?client_id={self.till['client_id']}", token)[0]["id"]
        action = {"code": ACTION, "id": action["id"], "version": action["deployed_version"]["id"],
                  "execution": execution}
        return {"url": f"{self.issuer}api/v2/", "token": token, "api": API, "rule": RULE, "seed": SEED, "action": action,
                "logged_in": logged_in, "own_client": self.admin["client_id"], "own_grant": self.grant["id"],
                "email": self.administrator["email"]}

    def token(self, **form):
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(f"{self.issuer}oauth/token", data=body, timeout=30) as answer:
            return json.load(answer)

    def ask(self, method, path, token, body=None):
        request = urllib.request.Request(f"{self.issuer}api/v2/{path}", method=method,
                                         data=body and json.dumps(body).encode(),
                                         headers={"Authorization": f"Bearer {token}",
                                                  "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return {"refused": error.code}


if __name__ == "__main__":
    main()
