"""Authlib as its documentation shows it."""

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
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


for client, method in [("confidential", "client_secret_basic"), ("confidential", "client_secret_post"),
                       ("public", "none")]:
    @step(NAME, f"password, {'public client' if method == 'none' else method}")
    def _(client=client, method=method):
        login(client, method)


@step(NAME, "password, wrong password")
def _():
    try:
        login(password="wrong")
    except OAuthError as error:
        assert error.error == "invalid_grant", error.error
    else:
        raise AssertionError("not refused")


@step(NAME, "password-realm")
def _():
    login(grant_type=REALM, realm=house["realm"])


@step(NAME, "client_credentials")
def _():
    machine = house["machine"]
    opened = OAuth2Session(machine["client_id"], machine["client_secret"])
    token = opened.fetch_token(TOKEN, grant_type="client_credentials", audience=house["api"])
    assert token["token_type"] == "Bearer", token["token_type"]


@step(NAME, "userinfo")
def _():
    opened, _ = login()
    about = opened.get(metadata["userinfo_endpoint"], timeout=10)
    assert about.json()["email"] == house["user"]["email"], about.text
