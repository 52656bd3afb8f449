// Resource servers that accept or refuse what Claimsmith issued.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import express from 'express';
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oidc from 'openid-client';
import { assert, house, step } from './table.mjs';

const config = await oidc.discovery(
  new URL(house.issuer), house.confidential.client_id, undefined,
  oidc.ClientSecretPost(house.confidential.client_secret));
const login = (scope, options) => oidc.genericGrantRequest(config, 'password', {
  username: house.user.email, password: house.user.password, audience: house.api, scope,
}, options);
const { access_token: token, id_token: identity } = await login('openid read:orders');

await step('jose', 'verifies an access token', async () => {
  const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
  const expected = { issuer: house.issuer, audience: house.api, algorithms: ['RS256'] };
  await jwtVerify(token, keys, expected);
  for (const [what, bent, wanted] of [
    ['another audience', token, { ...expected, audience: 'https://elsewhere.example/' }],
    ['another issuer', token, { ...expected, issuer: 'https://elsewhere.example/' }],
    ['an ID token', identity, expected],
    ['a changed token', token.replace(/.{4}$/, 'AAAA'), expected],
  ]) {
    const accepted = await jwtVerify(bent, keys, wanted).then(() => true, () => false);
    assert(!accepted, `${what} was accepted`);
  }
});

await step('jose', 'verifies the access tokens of refresh_token and client_credentials', async () => {
  const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
  const expected = { issuer: house.issuer, audience: house.api, algorithms: ['RS256'] };
  const first = await login('openid offline_access read:orders');
  const refreshed = await oidc.refreshTokenGrant(config, first.refresh_token);
  const { client_id: id, client_secret: secret } = house.machine;
  const machine = await oidc.discovery(new URL(house.issuer), id, undefined, oidc.ClientSecretBasic(secret));
  const own = await oidc.clientCredentialsGrant(machine, { audience: house.api });
  for (const [tokens, subject] of [[refreshed, house.user.user_id], [own, `${id}@clients`]]) {
    const { payload } = await jwtVerify(tokens.access_token, keys, expected);
    assert(payload.sub === subject, `it is about ${payload.sub}`);
  }
});

const app = express();
const guard = (options) => auth({ issuerBaseURL: house.issuer, audience: house.api, ...options });
app.get('/orders', guard({ dpop: { enabled: false } }), requiredScopes('read:orders'), (_, answer) => answer.json({}));
app.get('/exports', guard({ dpop: { enabled: false } }), requiredScopes('export:orders'), (_, answer) => answer.json({}));
app.get('/bound', guard({ dpop: { enabled: true, required: true } }), (_, answer) => answer.json({}));
app.use((error, _request, answer, _next) => { answer.status(error.status ?? 500).json({ error: error.code }); });
const [cert, key] = [house.tls.cert, house.tls.key].map((path) => readFileSync(path));
const server = createServer({ cert, key }, app).listen(0, '127.0.0.1');
await once(server, 'listening');
const base = `https://localhost:${server.address().port}`;
const status = async (path, bearer) => {
  const headers = bearer ? { authorization: `Bearer ${bearer}` } : {};
  return (await fetch(base + path, { headers })).status;
};

await step('express-oauth2-jwt-bearer', 'guards an API by audience and scope', async () => {
  const seen = [await status('/orders', token), await status('/exports', token),
    await status('/orders', identity), await status('/orders')];
  assert(seen.join() === '200,403,401,401', `answered ${seen}`);
});
await step('express-oauth2-jwt-bearer', 'checks the proof of a DPoP token', async () => {
  const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'));
  const bound = await login('openid read:orders', { DPoP });
  const fetched = await oidc.fetchProtectedResource(
    config, bound.access_token, new URL(`${base}/bound`), 'GET', undefined, undefined, { DPoP });
  assert(fetched.status === 200, `answered ${fetched.status}`);
  const bearer = await status('/bound', bound.access_token);
  assert(bearer === 400 || bearer === 401, `as a bearer token it is answered ${bearer}`);
});
server.close();
server.closeAllConnections();
