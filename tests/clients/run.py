#!/usr/bin/env python3
"""Clients and resource servers that nobody here wrote, unmodified, against a real server over TLS.

Usage: run.py CLAIMSMITH RUST_CLIENTS. Makes a data directory by the command line, starts the server with a
certificate of a test authority, lets every runner do its grants, and prints the table client x grant x outcome.
Each runner prints one JSON line for each row; a row that fails, or that is missing, fails the run.
"""

import datetime
import ipaddress
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from server import PATIENCE_S, Server  # noqa: E402

API = "https://orders.example/"
REALM = "Username-Password-Authentication"
# How many rows each runner has: one that ends early does not pass for one that is done.
EXPECTED = {"openid-client": 20, "Authlib": 13, "oauth2": 8, "openidconnect": 4, "jose": 2,
            "express-oauth2-jwt-bearer": 2, "PyJWT": 2, "auth0 (npm)": 11, "auth0-python": 10}


def main():
    claimsmith, rust_clients = (str(pathlib.Path(path).resolve()) for path in sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        authority = make_certificates(folder)
        rows = []
        with House(claimsmith, folder, "acme") as acme, House(claimsmith, folder, "nonces") as nonces:
            house = folder / "house.json"
            tls = {"cert": str(folder / "server.pem"), "key": str(folder / "server.key")}
            house.write_text(json.dumps({**acme.known, **nonces.known, "tls": tls}))
            env = {**os.environ, "CLAIMSMITH_HOUSE": str(house), "NODE_EXTRA_CA_CERTS": authority,
                   "REQUESTS_CA_BUNDLE": authority, "SSL_CERT_FILE": authority}
            for command in (["node", HERE / "node/openid-client.mjs"], ["node", HERE / "node/resource-servers.mjs"],
                            [sys.executable, HERE / "python/authlib_client.py"],
                            [sys.executable, HERE / "python/resource_server.py"], [rust_clients],
                            ["node", HERE / "management/management.mjs"],
                            [sys.executable, HERE / "management/management.py"]):
                done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S)
                rows += [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
                if done.returncode != 0:
                    rows.append({"client": str(command[-1]), "grant": "", "outcome": "FAILED",
                                 "detail": f"ended with {done.returncode}"})
    sys.exit(report(rows))


def report(rows):
    width = [max(len(row[name]) for row in rows) for name in ("client", "grant")]
    for row in rows:
        print(f"{row['client']:{width[0]}}  {row['grant']:{width[1]}}  {row['outcome']}  {row['detail']}".rstrip())
    failed = sum(row["outcome"] != "ok" for row in rows)
    for client, count in EXPECTED.items():
        found = sum(row["client"] == client for row in rows)
        if found != count:
            print(f"{client}: {found} rows where {count} were expected")
            failed += 1
    print(f"{sum(row['outcome'] == 'ok' for row in rows)} passed, {failed} failed")
    return failed > 0


class House(Server):
    """A server over TLS with what the runners need."""

    SCHEME = "https"

    def __init__(self, claimsmith, folder, tenant):
        self.folder, self.tenant = folder, tenant
        super().__init__(claimsmith, folder / tenant)

    def furnish(self):
        self.known = self.made()

    def serve_options(self):
        return ["--tls-cert", str(self.folder / "server.pem"), "--tls-key", str(self.folder / "server.key")]

    def made(self):
        made = self.cli("init", "--tenant", self.tenant, "--issuer", self.issuer)
        user = made["administrator"]
        if self.tenant == "nonces":
            self.cli("tenant", "set", self.tenant, "--require-dpop-nonce", "true")
            client = self.cli("client", "create", "Phone", "--auth", "none", "--grant", "password")
            self.cli("client", "bind-tokens", client["client_id"], "dpop")
            return {"nonces": {"issuer": self.issuer, "client_id": client["client_id"],
                               "email": user["email"], "password": user["password"]}}
        self.cli("api", "create", API, "--scope", "read:orders", "--scope", "export:orders", "--allow-offline-access")
        grants = ["--grant", "password", "--grant", "password-realm", "--grant", "refresh_token"]
        confidential = self.cli("client", "create", "Till", "--auth", "client_secret_basic", *grants)
        public = self.cli("client", "create", "Phone", "--auth", "none", *grants)
        machine = self.cli("client", "create", "Robot", "--auth", "client_secret_basic",
                           "--grant", "client_credentials")
        self.cli("client-grant", "create", machine["client_id"], API, "--scope", "read:orders")
        server = self.cli("client", "create", "Orders", "--auth", "client_secret_basic")
        self.cli("client", "set-resource-server", server["client_id"], API)
        signer = self.cli("client", "create", "Vault", "--auth", "private_key_jwt", *grants,
                          "--grant", "client_credentials")
        self.cli("client-grant", "create", signer["client_id"], API, "--scope", "read:orders")
        key = ec.generate_private_key(ec.SECP256R1())
        public_key = self.folder / "signer.pub"
        public_key.write_bytes(key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        self.cli("client", "credential", "add", signer["client_id"], str(public_key), "--alg", "ES256")
        signer["private_key"] = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
        admin = self.cli("client", "create", "Admin", "--auth", "client_secret_post", "--grant", "client_credentials")
        self.cli("client-grant", "create", admin["client_id"], f"{self.issuer}api/v2/", "--all-scopes")
        management = {"domain": f"localhost:{self.port}", **{key: admin[key] for key in ("client_id", "client_secret")}}
        return {"issuer": self.issuer, "api": API, "realm": REALM, "user": user, "confidential": confidential,
                "public": public, "machine": machine, "signer": signer, "server": server, "management": management}


def make_certificates(folder):
    """An authority of its own, and a certificate of it for `localhost`."""
    now = datetime.datetime.now(datetime.timezone.utc)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])

    def certificate(subject, public, ca):
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(ca_name).public_key(public)
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                .not_valid_after(now + datetime.timedelta(days=1))
                .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False))

    usage = x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
                          key_encipherment=False, data_encipherment=False, key_agreement=False,
                          encipher_only=False, decipher_only=False)
    ca = certificate(ca_name, ca_key.public_key(), True).add_extension(usage, critical=True)
    ca = ca.sign(ca_key, hashes.SHA256())
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    own = certificate(x509.Name([]), key.public_key(), False)
    own = own.add_extension(x509.SubjectAlternativeName(names), critical=True).sign(ca_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    (folder / "authority.pem").write_bytes(ca.public_bytes(pem))
    (folder / "server.pem").write_bytes(own.public_bytes(pem) + ca.public_bytes(pem))
    (folder / "server.key").write_bytes(key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return str(folder / "authority.pem")


if __name__ == "__main__":
    main()
