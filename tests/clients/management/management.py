"""auth0-python, as its documentation shows: sets up a tenant over the management API, and logs in to what it set up."""

import base64
import json
import pathlib
import sys
import time

from auth0.authentication import GetToken
from auth0.management import ManagementClient

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
from table import house, step  # noqa: E402

at = house["management"]
management = ManagementClient(domain=at["domain"], client_id=at["client_id"], client_secret=at["client_secret"])
API = "https://python.example/"
PASSWORD = "another sentence that nobody guesses"
made = {}


def row(what):
    return step("auth0-python", what)


@row("resource server")
def _():
    scopes = [{"value": "read:things", "description": "Reads things"}]
    made["api"] = management.resource_servers.create(identifier=API, name="Things", scopes=scopes)
    assert management.resource_servers.get(made["api"].id).identifier == API


@row("client")
def _():
    made["client"] = management.clients.create(
        name="Python", app_type="regular_web",
        grant_types=["password", "http://auth0.com/oauth/grant-type/password-realm", "client_credentials"])
    assert management.clients.get(made["client"].client_id).name == "Python"


@row("client grant")
def _():
    client_id = made["client"].client_id
    grant = management.client_grants.create(client_id=client_id, audience=API, scope=["read:things"])
    changed = management.client_grants.update(grant.id, scope=[])
    assert changed.scope == [], changed
    management.client_grants.update(grant.id, scope=["read:things"])


@row("connection")
def _():
    made["connection"] = management.connections.create(
        name="python-users", strategy="auth0", enabled_clients=[made["client"].client_id])
    assert management.connections.get(made["connection"].id).name == "python-users"


@row("user")
def _():
    made["user"] = management.users.create(
        connection="python-users", email="python@acme.example", password=PASSWORD, app_metadata={"plan": "tin"})
    found = list(management.users.list(q="email:python@acme.example"))
    assert [user.user_id for user in found] == [made["user"].user_id], found


@row("rule")
def _():
    script = """function (user, context, callback) {
      if (user.app_metadata.plan === 'tin') context.accessToken['https://python.example/plan'] = 'tin';
      callback(null, user, context);
    }"""
    made["rule"] = management.rules.create(name="Plan in tin", script=script)
    assert management.rules.get(made["rule"].id).script == script


def claims_of_login():
    client = made["client"]
    get_token = GetToken(at["domain"], client.client_id, client_secret=client.client_secret)
    token = get_token.login(username="python@acme.example", password=PASSWORD, scope="read:things",
                            realm="python-users", audience=API)
    payload = token["access_token"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


@row("GetToken.login")
def _():
    claims = claims_of_login()
    assert claims["https://python.example/plan"] == "tin", claims


@row("action")
def _():
    code = """exports.onExecutePostLogin = async (event, api) => {
      api.accessToken.setCustomClaim('https://python.example/word', event.secrets.WORD);
    };"""
    action = management.actions.create(
        name="Word in Python", code=code, supported_triggers=[{"id": "post-login", "version": "v3"}],
        secrets=[{"name": "WORD", "value": "first"}])
    version = management.actions.deploy(action.id)
    assert version.number == 1 and version.status == "built", version
    bound = management.actions.triggers.bindings.update_many(
        "post-login", bindings=[{"ref": {"type": "action_name", "value": "Word in Python"}}])
    assert [one.action.id for one in bound.bindings] == [action.id], bound
    assert claims_of_login()["https://python.example/word"] == "first"
    management.actions.update(action.id, secrets=[{"name": "WORD", "value": "second"}])
    management.actions.deploy(action.id)
    assert claims_of_login()["https://python.example/word"] == "second"
    management.actions.versions.deploy(action.id, version.id)
    assert claims_of_login()["https://python.example/word"] == "first"
    assert [one.number for one in management.actions.versions.list(action.id)] == [3, 2, 1]
    assert [one.name for one in management.actions.list(deployed=True)] == ["Word in Python"]
    assert {one.id for one in management.actions.triggers.list().triggers} == {"post-login", "credentials-exchange"}
    management.actions.delete(action.id, force=True)
    assert not list(management.actions.triggers.bindings.list("post-login"))


@row("jobs")
def _():
    def over(job):
        end = time.monotonic() + 60
        while job.status == "pending" and time.monotonic() < end:
            job = management.jobs.get(job.id)
        return job

    users = [{"email": "moved@acme.example", "user_id": "moved"}, {"email": "python@acme.example"}]
    sent = management.jobs.users_imports.create(
        users=("users.json", json.dumps(users).encode(), "application/json"), connection_id=made["connection"].id,
        upsert=False)
    job = over(sent)
    assert (job.summary.inserted, job.summary.failed) == (1, 1), job
    failures = management.jobs.errors.get(job.id)
    assert failures[0].errors[0].code == "DUPLICATED_USER", failures
    assert management.users.get("auth0|moved").email == "moved@acme.example"
    written = over(management.jobs.users_exports.create(connection_id=made["connection"].id, format="json"))
    assert written.location.endswith(f"/api/v2/jobs/{written.id}/file"), written


@row("delete")
def _():
    management.rules.delete(made["rule"].id)
    management.users.delete(made["user"].user_id)
    management.connections.delete(made["connection"].id)
    management.clients.delete(made["client"].client_id)
    management.resource_servers.delete(made["api"].id)
    assert all(client.client_id != made["client"].client_id for client in management.clients.list())
