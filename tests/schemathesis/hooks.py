"""What schemathesis loads: names of things that are there in the place of random ones, and counts of the answers.

A random identity is refused with 404, so two of three are replaced by one that is there; bodies that name other things
likewise. What is deleted was made a moment before, and the client whose token asks is nobody's to change.
"""

import atexit
import collections
import itertools
import json
import os
import random
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import schemathesis

HOUSE = json.loads(os.environ["CLAIMSMITH_HOUSE"])
dice = random.Random(HOUSE["seed"])
numbers = itertools.count(1)
lock = threading.Lock()
counts = collections.defaultdict(collections.Counter)


# Nobody answers there.
STREAM = {"type": "http", "sink": {"httpEndpoint": "https://hooks.example/claimsmith"}}


def ask(method, path, body=None):
    """What the server answers, or None if it says nothing."""
    request = urllib.request.Request(HOUSE["url"] + path, method=method, data=body and json.dumps(body).encode(),
                                     headers={"Authorization": "Bearer " + HOUSE["token"],
                                              "Content-Type": "application/json"})
    for patience in reversed(range(10)):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
                return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            # Another worker changed the same thing at the same time; the document says to ask again.
            if error.code != 409 or not patience:
                error.msg += f": {error.read(2_000)}"
                raise


def fresh(kind):
    """The name of a thing that nothing else needs."""
    number = next(numbers)
    if kind == "resource-servers":
        return ask("POST", kind, {"identifier": f"https://fresh.example/{number}"})["id"]
    if kind == "clients":
        return ask("POST", kind, {"name": f"Fresh {number}"})["client_id"]
    if kind == "client-grants":
        grant = {"client_id": fresh("clients"), "audience": HOUSE["api"], "scope": []}
        return ask("POST", kind, grant)["id"]
    if kind == "connections":
        return ask("POST", kind, {"name": f"fresh-{number}", "strategy": "auth0"})["id"]
    if kind in ("users", "user-blocks"):
        user = {"connection": "untouched", "email": f"fresh{number}@example.com",
                "password": "correct horse battery staple"}
        return ask("POST", "users", user)["user_id"]
    if kind == "roles":
        return ask("POST", kind, {"name": f"fresh {number}"})["id"]
    if kind == "rules":
        # There is an end to how many rules a tenant may have.
        for rule in ask("GET", "rules?per_page=100"):
            if rule["name"] != "lasting":
                ask("DELETE", "rules/" + rule["id"])
        return ask("POST", kind, {"name": f"fresh {number}", "script": HOUSE["rule"]})["id"]
    if kind == "rules-configs":
        ask("PUT", f"{kind}/FRESH", {"value": str(number)})
        return "FRESH"
    if kind == "actions":
        return fresh_action()["id"]
    if kind == "log-streams":
        # There is an end to their number, too.
        for stream in ask("GET", kind):
            if stream["id"] != lasting.get(kind):
                ask("DELETE", f"{kind}/{stream['id']}")
        return ask("POST", kind, {"name": f"fresh {number}", **STREAM})["id"]
    if kind == "tenants":
        tenant = {"name": f"fresh-{number}", "issuer": f"https://fresh-{number}.example/"}
        return ask("POST", kind, tenant)["name"]
    if kind == "refresh-tokens":
        return refresh_tokens.pop()
    raise LookupError(kind)


def action(name):
    return {"name": name, "code": HOUSE["action"]["code"], "supported_triggers": [{"id": "post-login"}]}


# What another worker asks about just now: checking code takes a while, and to delete it meanwhile is a conflict.
in_use = collections.deque(maxlen=4)


def fresh_action():
    # There is an end to their number as well.
    for old in ask("GET", "actions/actions?per_page=100")["actions"]:
        if old["id"] != HOUSE["action"]["id"] and old["id"] not in in_use:
            ask("DELETE", f"actions/actions/{old['id']}?force=true")
    made = ask("POST", "actions/actions", {**action(f"fresh {next(numbers)}"), "deploy": True})
    in_use.append(made["id"])
    return made


def names_of_action(method, names):
    """What is read lasts; what is changed is fresh, with a version to go back to."""
    if "trigger" in names:
        return {"trigger": dice.choice(["post-login", "credentials-exchange"])}
    if method == "GET":
        lasting = HOUSE["action"]
        known = {"id": lasting["id"], "version": lasting["version"]}
    else:
        made = fresh_action()
        known = {"id": made["id"], "version": made["deployed_version"]["id"]}
    return {name: known[name] for name in names}


ask("POST", "connections", {"name": "untouched", "strategy": "auth0"})
user_of_login = ask("GET", "users-by-email?email=" + urllib.parse.quote(HOUSE["email"]))[0]["user_id"]
# All of one user, and made before: rules that schemathesis writes may refuse logins.
refresh_tokens = [token["id"] for token in ask(
    "GET", f"users/{urllib.parse.quote(user_of_login)}/refresh-tokens?take=100")["tokens"]]
role = fresh("roles")
lasting = {}
lasting |= {kind: fresh(kind) for kind in ("resource-servers", "clients", "client-grants", "connections",
                                          "rules-configs", "refresh-tokens", "tenants",
                                          "log-streams")}
# A second version, so that there is one to go back to.
ask("POST", "rule-versions/lasting", {"script": HOUSE["rule"].replace("adds", "adds_again")})
lasting |= {
    "users": user_of_login, "user-blocks": user_of_login, "roles": role, "rule-versions": "lasting",
    "rules": next(rule["id"] for rule in ask("GET", "rules") if rule["name"] == "lasting"),
    "keys": ask("GET", "keys/signing")[0]["kid"], "logs": ask("GET", "logs?per_page=1")[0]["log_id"],
    "exchanges": ask("GET", "exchanges")[0]["id"],
}
connection = ask("GET", "connections?name=untouched")[0]["id"]


def over(job):
    """A job that is not under way any more."""
    end = time.monotonic() + 60
    while job["status"] == "pending" and time.monotonic() < end:
        job = ask("GET", f"jobs/{job['id']}")
    return job["id"]


def send_users(users):
    """Begins an import."""
    parts = {"connection_id": connection, "users": json.dumps(users)}
    body = "".join(f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{part}\r\n'
                   for name, part in parts.items()) + "--x--\r\n"
    request = urllib.request.Request(HOUSE["url"] + "jobs/users-imports", data=body.encode(), headers={
        "Authorization": "Bearer " + HOUSE["token"], "Content-Type": "multipart/form-data; boundary=x"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


refusing_job = over(send_users([{"email": "nobody"}]))
lasting["jobs"] = over(ask("POST", "jobs/users-exports", {}))
PERMISSION = {"resource_server_identifier": HOUSE["api"], "permission_name": "read:orders"}
# Nothing but GET is sent to these, for others need them as they are.
UNTOUCHED = {HOUSE["own_client"], HOUSE["own_grant"], HOUSE["api"], user_of_login}
# Refresh tokens end with their client.
UNTOUCHED |= {client["client_id"] for client in ask("GET", "clients") if client["client_id"] != lasting["clients"]}
UNTOUCHED |= {api["id"] for api in ask("GET", "resource-servers") if api["identifier"] == HOUSE["api"]}
UNTOUCHED |= {connection["id"] for connection in ask("GET", "connections")
              if connection["id"] != lasting["connections"]}
UNTOUCHED.add("acme")
KEPT = {*UNTOUCHED, *lasting.values()} - {"FRESH"}


def body_of(method, path):
    """Members that name other things, so that a body can be carried out."""
    if method == "POST" and path == "/api/v2/client-grants":
        return {"client_id": fresh("clients"), "audience": HOUSE["api"], "scope": ["read:orders"],
                "allow_all_scopes": None}
    if method == "PATCH" and path == "/api/v2/client-grants/{id}":
        return {"scope": ["read:orders"], "allow_all_scopes": False}
    if path == "/api/v2/jobs/users-imports":
        return {"connection_id": connection, "users": b"[]", "upsert": None}
    if path == "/api/v2/jobs/users-exports":
        return {"connection_id": connection}
    if path.endswith("/permissions"):
        return {"permissions": [PERMISSION]}
    if path.endswith("/{role_id}/users"):
        return {"users": [lasting["users"]]}
    if path.endswith("/{user_id}/roles"):
        return {"roles": [role]}
    if method == "POST" and path == "/api/v2/users":
        return {"connection": "untouched", "email": f"made{next(numbers)}@example.com", "username": None,
                "password": "correct horse battery staple"}
    if method == "POST" and path == "/api/v2/resource-servers":
        return {"identifier": f"https://made.example/{next(numbers)}", **{name: None for name in (
            "scopes", "signing_alg", "signing_secret", "token_encryption", "proof_of_possession")}}
    if path.endswith("/{trigger}/bindings"):
        return {"bindings": [{"ref": {"type": "action_id", "value": HOUSE["action"]["id"]}}]}
    if path == "/api/v2/actions/actions/{id}/test":
        return {"payload": {"event": {"user": {"user_id": "auth0|1"}}}}
    if path == "/api/v2/actions/actions/{id}/versions/{version}/deploy":
        return {"update_draft": True}
    if path in ("/api/v2/actions/actions", "/api/v2/actions/actions/{id}"):
        if path == "/api/v2/actions/actions":
            fresh_action()
        return {"dependencies": None, "secrets": None, "permissions": None, **action(f"made {next(numbers)}")}
    if path == "/api/v2/log-streams":
        fresh("log-streams")
        return {"name": "made", "filters": None, "startFrom": None, **STREAM}
    if path == "/api/v2/rule-versions/{rule}":
        return {"script": HOUSE["rule"], "component": None, "manifest": None}
    if path.endswith("/compare/{other}"):
        return {"limit": 3}
    if path.endswith("/{version}/test"):
        return {name: None for name in ("exchange", "exchange_id", "configuration", "fetches")}
    if path.endswith("/{version}/deploy"):
        return {"order": None}
    if path.startswith("/api/v2/tenants/{tenant}"):
        return {"domain": f"made{next(numbers)}.example"} if path.endswith("/domains") else {}
    if method == "POST" and path == "/api/v2/tenants":
        number = next(numbers)
        return {"name": f"made-{number}", "issuer": f"https://made-{number}.example/"}
    if method == "POST" and path == "/api/v2/rules":
        fresh("rules")
        return {"name": f"made {next(numbers)}", "script": HOUSE["rule"]}
    return {}


@schemathesis.hook
def before_call(ctx, case, kwargs):
    with lock:
        path, method = case.operation.path, case.method.upper()
        if case.operation.method.upper() != method:
            return
        kind = path.split("/")[3]
        names = re.findall(r"{(\w+)}", path)
        # What is behind a thing is deleted without the thing.
        deletes = method == "DELETE" and path.endswith("}")
        if names and dice.random() < 2 / 3:
            case.path_parameters = {name: lasting.get(kind, "1") for name in names}
            for name in {"version", "other"}.intersection(names):
                case.path_parameters[name] = dice.choice("12")
            if path.endswith("/errors"):
                case.path_parameters = {"id": refusing_job}
            if "domain" in names:
                domain = f"fresh{next(numbers)}.example"
                ask("POST", f"tenants/{lasting['tenants']}/domains", {"domain": domain})
                case.path_parameters["domain"] = domain
            if path == "/api/v2/actions/executions/{id}":
                case.path_parameters = {"id": HOUSE["action"]["execution"]}
            elif kind == "actions":
                case.path_parameters = names_of_action(method, names)
        given = set(map(str, (case.path_parameters or {}).values()))
        known = bool(given & KEPT)
        if path == "/api/v2/log-events":
            # Else it goes on until schemathesis loses patience.
            case.query = {**(case.query or {}), "follow": "false"}
        if deletes and "domain" in names:
            return
        if method == "DELETE" and path.endswith("{user_id}/refresh-tokens"):
            # Once they are gone there are none to end.
            if HOUSE["logged_in"]:
                case.path_parameters = {"user_id": HOUSE["logged_in"].pop()}
            return
        if method != "GET" and given & (KEPT if deletes else UNTOUCHED):
            case.path_parameters = {**(case.path_parameters or {}), names[0]: fresh(kind)}
        if isinstance(case.body, dict) and dice.random() < 1 / 2:
            members = body_of(method, path)
            if method == "DELETE" and path.endswith("/permissions") and known:
                # There is one to take away.
                holder = urllib.parse.quote(str(case.path_parameters[names[0]]), safe="")
                ask("POST", f"{kind}/{holder}/permissions", {"permissions": [PERMISSION]})
            case.body = {**case.body, **members}
            case.body = {name: value for name, value in case.body.items() if value is not None}


@schemathesis.hook
def after_call(ctx, case, response):
    with lock:
        counts[f"{case.method.upper()} {case.operation.path}"][str(response.status_code)] += 1


@atexit.register
def write():
    with open(os.environ["CLAIMSMITH_COUNTS"], "w") as file:
        json.dump(counts, file)
