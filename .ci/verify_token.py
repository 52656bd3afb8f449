#!/usr/bin/env python3
"""Starts the demo and verifies its tokens as a resource server in another language would.

Usage: verify_token.py CLAIMSMITH. Everything but the two tokens comes from discovery; PyJWT checks
signature, issuer, audience and times.
"""

import base64
import hashlib
import json
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request

import jwt

# Compiling the engine's code and the first hash take seconds on a slow machine; minutes mean it hangs.
PATIENCE_S = 120
passed = failed = 0


def check(what, holds):
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    print(("ok    " if holds else "WRONG ") + what)


def get(url, token=None):
    request = urllib.request.Request(url)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def first_document(stream):
    """Reads one JSON document, however many lines it has, without waiting for the end of the stream."""
    text = ""
    for line in stream:
        text += line
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            continue
    sys.exit(f"the demo ended without a JSON document:\n{text}")


def is_refused(token, key, algorithm, **expected):
    try:
        jwt.decode(token, key, algorithms=[algorithm], **expected)
        return False
    except jwt.InvalidTokenError:
        return True


def with_other_claims(token, **changes):
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    payload = base64.urlsafe_b64encode(json.dumps(claims | changes).encode()).rstrip(b"=").decode()
    return ".".join([header, payload, signature])


def verify(demo):
    issuer, asked, answer = demo["issuer"], demo["request"], demo["response"]
    discovery = get(issuer.rstrip("/") + "/.well-known/openid-configuration")
    check("discovery names the issuer that the demo printed", discovery["issuer"] == issuer)

    access, algorithm = answer["access_token"], "RS256"
    check(f"discovery offers {algorithm}", algorithm in discovery["id_token_signing_alg_values_supported"])
    keys = jwt.PyJWKClient(discovery["jwks_uri"], timeout=10)
    key = keys.get_signing_key_from_jwt(access).key
    need = {"require": ["iss", "aud", "sub", "iat", "exp"]}
    expected = {"issuer": issuer, "audience": asked["audience"], "options": need}
    claims = jwt.decode(access, key, algorithms=[algorithm], **expected)
    check("the access token verifies: signature, issuer, audience, times", True)
    check("its claims are the ones that the demo printed", claims == demo["claims"])
    check("it lives as long as the answer says", claims["exp"] - claims["iat"] == answer["expires_in"])
    check("a token with another subject is refused",
          is_refused(with_other_claims(access, sub="auth0|mallory"), key, algorithm, **expected))

    ruled = [entry["name"] for entry in demo["provenance"] if entry["kind"] == "claim"]
    check(f"rules set claims, and the token has them: {', '.join(ruled)}", ruled and set(ruled) <= set(claims))
    scopes = [entry["name"] for entry in demo["provenance"] if entry["kind"] == "scope"]
    check(f"rules added scopes, and the token has them: {', '.join(scopes)}",
          scopes and set(scopes) <= set(claims["scope"].split()))

    identity = answer["id_token"]
    about = jwt.decode(identity, keys.get_signing_key_from_jwt(identity).key, algorithms=[algorithm],
                       issuer=issuer, audience=asked["client_id"], options=need)
    check("the ID token verifies: signature, issuer, audience, times", True)
    half = hashlib.sha256(access.encode()).digest()[:16]
    check("its at_hash is that of the access token",
          about["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode())
    check("both tokens are about the same user", about["sub"] == claims["sub"])
    check("so is /userinfo", get(discovery["userinfo_endpoint"], access)["sub"] == claims["sub"])


def main():
    claimsmith = sys.argv[1]
    with tempfile.TemporaryDirectory() as data:
        command = [claimsmith, "demo", "--json", "--listen", "127.0.0.1:0", "--data", data + "/demo"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            overdue = threading.Timer(PATIENCE_S, server.kill)
            overdue.start()
            try:
                verify(first_document(server.stdout))
            finally:
                server.send_signal(signal.SIGINT)
                code = server.wait()
                overdue.cancel()
            check("the demo ends by Ctrl-C without an error", code == 0)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
