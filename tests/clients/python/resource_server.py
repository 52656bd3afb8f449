"""PyJWT as a resource server."""

import jwt
import requests

from table import house, step

metadata = requests.get(house["issuer"] + ".well-known/openid-configuration", timeout=10).json()
confidential = house["confidential"]


def ask(**parameters):
    client = {"client_id": confidential["client_id"], "client_secret": confidential["client_secret"]}
    return requests.post(metadata["token_endpoint"], timeout=10, data={**client, **parameters}).json()


answer = ask(grant_type="password", username=house["user"]["email"], password=house["user"]["password"],
             audience=house["api"], scope="openid offline_access read:orders")


def verify(answer):
    keys = jwt.PyJWKClient(metadata["jwks_uri"])
    expected = {"algorithms": ["RS256"], "issuer": house["issuer"],
                "options": {"require": ["iss", "aud", "sub", "iat", "exp"]}}
    for token, audience in [(answer["access_token"], house["api"]),
                            (answer["id_token"], confidential["client_id"])]:
        key = keys.get_signing_key_from_jwt(token).key
        jwt.decode(token, key, audience=audience, **expected)
        try:
            jwt.decode(token, key, audience="https://elsewhere.example/", **expected)
        except jwt.InvalidAudienceError:
            continue
        raise AssertionError("another audience was accepted")


@step("PyJWT", "verifies an access token and an ID token")
def _():
    verify(answer)


@step("PyJWT", "verifies those of a refresh token")
def _():
    verify(ask(grant_type="refresh_token", refresh_token=answer["refresh_token"]))
