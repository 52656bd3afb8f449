"""Authlib as its documentation shows it."""

import time

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey
import requests

from table import house, step

NAME = "Authlib"
REALM = "http://auth0.com/oauth/grant-type/password-realm"
metadata = requests.get(house["issuer"] + ".well-known/openid-configuration", timeout=10).json()
TOKEN = metadata["token_endpoint"]
user = {"username": house["user"]["email"], "password": house["user"]["password"]}
SCOPE = "openid profile email offline_access read:orders"


def session(client, method):
    client = house[client]
    return OAuth2Session(client["client_id"], client.get("client_secret"), scope=SCOPE,
                         token_endpoint_auth_method=method)


def login(client="confidential", method="client_secret_basic", **parameters):
    opened = session(client, method)
    parameters = {"grant_type": "password", "audience": house["api"], **user, **parameters}
    token = opened.fetch_token(TOKEN, **parameters)
    assert token["access_token"] and token["id_token"], token.keys()
    return opened, token


def refused(code, attempt):
    try:
        attempt()
    except OAuthError as error:
        assert error.error == code, error.error
    else:
        raise AssertionError(f"not refused, {code} expected")


for client, method in [("confidential", "client_secret_basic"), ("confidential", "client_secret_post"),
                       ("public", "none")]:
    @step(NAME, f"password, {'public client' if method == 'none' else method}")
    def _(client=client, method=method):
        login(client, method)


@step(NAME, "password, wrong password")
def _():
    refused("invalid_grant", lambda: login(password="wrong"))


@step(NAME, "password-realm")
def _():
    login(grant_type=REALM, realm=house["realm"])


@step(NAME, "client_credentials")
def _():
    machine = house["machine"]
    opened = OAuth2Session(machine["client_id"], machine["client_secret"])
    token = opened.fetch_token(TOKEN, grant_type="client_credentials", audience=house["api"])
    assert token["token_type"] == "Bearer", token["token_type"]


for client in ["confidential", "public"]:
    @step(NAME, f"refresh_token, {client} client")
    def _(client=client):
        opened, first = login(client, "none" if client == "public" else "client_secret_basic")
        second = opened.refresh_token(TOKEN, refresh_token=first["refresh_token"])
        assert second["access_token"] != first["access_token"]
        # The public client's rotates, the other's does not.
        assert (second["refresh_token"] == first["refresh_token"]) == (client == "confidential")
        if client == "public":
            refused("invalid_grant", lambda: opened.refresh_token(TOKEN, refresh_token=first["refresh_token"]))


def signing():
    signer = house["signer"]
    return OAuth2Session(signer["client_id"], ECKey.import_key(signer["private_key"]), scope=SCOPE,
                         token_endpoint_auth_method="private_key_jwt")


@step(NAME, "private_key_jwt, audience and lifetime told")
def _():
    opened = signing()

    def sign_next():
        # One object for each request: it keeps the `jti` of its first assertion, and each is good once.
        claims = {"exp": int(time.time()) + 60}
        opened.register_client_auth_method(PrivateKeyJWT(house["issuer"], claims, alg="ES256"))

    sign_next()
    token = opened.fetch_token(TOKEN, grant_type="password", audience=house["api"], **user)
    sign_next()
    assert opened.refresh_token(TOKEN, refresh_token=token["refresh_token"])["access_token"]
    refused("invalid_client", lambda: opened.refresh_token(TOKEN, refresh_token=token["refresh_token"]))


@step(NAME, "private_key_jwt as it comes is refused: for an hour, and the token endpoint")
def _():
    for audience in (house["issuer"], TOKEN):
        opened = signing()
        opened.register_client_auth_method(PrivateKeyJWT(audience, alg="ES256"))
        refused("invalid_client", lambda: opened.fetch_token(
            TOKEN, grant_type="password", audience=house["api"], **user))


@step(NAME, "revocation")
def _():
    opened, token = login()
    answer = opened.revoke_token(metadata["revocation_endpoint"], token=token["refresh_token"],
                                 token_type_hint="refresh_token")
    assert answer.status_code == 200, answer.status_code
    refused("invalid_grant", lambda: opened.refresh_token(TOKEN, refresh_token=token["refresh_token"]))


@step(NAME, "introspection")
def _():
    opened, token = login()
    endpoint = metadata["introspection_endpoint"]
    answer = opened.introspect_token(endpoint, token=token["access_token"]).json()
    assert answer["active"] and answer["sub"] == house["user"]["user_id"], answer
    assert opened.introspect_token(endpoint, token="nothing").json() == {"active": False}


@step(NAME, "userinfo")
def _():
    opened, _ = login()
    about = opened.get(metadata["userinfo_endpoint"], timeout=10)
    assert about.json()["email"] == house["user"]["email"], about.text
