// openid-client as its documentation shows it: discovery first, nothing configured by hand.
import * as oidc from 'openid-client';
import { createRemoteJWKSet, importPKCS8, jwtVerify } from 'jose';
import { assert, house, refused, step } from './table.mjs';

const NAME = 'openid-client';
const REALM = 'http://auth0.com/oauth/grant-type/password-realm';
const issuer = new URL(house.issuer);
const user = { username: house.user.email, password: house.user.password };
const asked = { audience: house.api, scope: 'openid profile email offline_access read:orders' };

const discovered = (client, authentication) =>
  oidc.discovery(issuer, client.client_id, undefined, authentication);
const basic = await discovered(house.confidential, oidc.ClientSecretBasic(house.confidential.client_secret));
const post = await discovered(house.confidential, oidc.ClientSecretPost(house.confidential.client_secret));
const open = await discovered(house.public, oidc.None());
const machine = await discovered(house.machine, oidc.ClientSecretBasic(house.machine.client_secret));

const keys = createRemoteJWKSet(new URL(basic.serverMetadata().jwks_uri));
async function verified(tokens) {
  const { payload } = await jwtVerify(tokens.access_token, keys, { issuer: house.issuer, audience: house.api });
  if (tokens.id_token) {
    const id = await jwtVerify(tokens.id_token, keys, { issuer: house.issuer });
    assert(id.payload.sub === payload.sub, 'both tokens are about the same user');
  }
  return payload;
}
async function login(config, parameters = {}, options) {
  const tokens = await oidc.genericGrantRequest(config, 'password', { ...user, ...asked, ...parameters }, options);
  assert(tokens.claims()?.sub === house.user.user_id, 'the ID token names the user');
  await verified(tokens);
  return tokens;
}

await step(NAME, 'password, client_secret_basic', async () => { await login(basic); });
await step(NAME, 'password, client_secret_post', async () => { await login(post); });
await step(NAME, 'password, public client', async () => { await login(open); });
await step(NAME, 'password, wrong password', async () => {
  await refused('invalid_grant', () => login(basic, { password: 'wrong' }));
});
await step(NAME, 'password-realm', async () => {
  const parameters = { ...user, ...asked, realm: house.realm };
  await verified(await oidc.genericGrantRequest(basic, REALM, parameters));
});
await step(NAME, 'client_credentials', async () => {
  const tokens = await oidc.clientCredentialsGrant(machine, { audience: house.api });
  const claims = await verified(tokens);
  assert(claims.sub === `${house.machine.client_id}@clients`, 'the subject is the machine');
});
await step(NAME, 'userinfo', async () => {
  const tokens = await login(basic);
  const about = await oidc.fetchUserInfo(basic, tokens.access_token, tokens.claims().sub);
  assert(about.email === house.user.email, 'userinfo has the address');
});


await step(NAME, 'refresh_token, client_secret_basic', async () => {
  const first = await login(basic);
  const again = await oidc.refreshTokenGrant(basic, first.refresh_token, { scope: 'openid read:orders' });
  assert(again.claims().sub === first.claims().sub, 'the same user');
  assert((await verified(again)).scope === 'openid read:orders', 'less than the login had');
  await refused('invalid_scope', () => oidc.refreshTokenGrant(basic, first.refresh_token, { scope: 'export:orders' }));
});
await step(NAME, 'refresh_token, public client, rotating', async () => {
  const first = await login(open);
  const second = await oidc.refreshTokenGrant(open, first.refresh_token);
  assert(second.refresh_token !== first.refresh_token, 'it rotates');
  await verified(await oidc.refreshTokenGrant(open, second.refresh_token));
  await refused('invalid_grant', () => oidc.refreshTokenGrant(open, first.refresh_token));
  await refused('invalid_grant', () => oidc.refreshTokenGrant(open, second.refresh_token));
});
await step(NAME, 'refresh_token, DPoP, public client', async () => {
  const handle = async () => oidc.getDPoPHandle(open, await oidc.randomDPoPKeyPair('ES256'));
  const [DPoP, another] = [await handle(), await handle()];
  const first = await login(open, {}, { DPoP });
  await refused('invalid_grant', () => oidc.refreshTokenGrant(open, first.refresh_token, {}, { DPoP: another }));
  await refused('invalid_grant', () => oidc.refreshTokenGrant(open, first.refresh_token));
  const again = await oidc.refreshTokenGrant(open, first.refresh_token, {}, { DPoP });
  assert(again.token_type === 'dpop', `the token type is ${again.token_type}`);
});
const key = await importPKCS8(house.signer.private_key, 'ES256');
const signer = await discovered(house.signer, oidc.PrivateKeyJwt(key));
await step(NAME, 'private_key_jwt, client_credentials', async () => {
  const claims = await verified(await oidc.clientCredentialsGrant(signer, { audience: house.api }));
  assert(claims.sub === `${house.signer.client_id}@clients`, 'the subject is the machine');
});
await step(NAME, 'private_key_jwt, password and refresh_token', async () => {
  const first = await login(signer);
  await verified(await oidc.refreshTokenGrant(signer, first.refresh_token));
});
await step(NAME, 'private_key_jwt, another key', async () => {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
  const stranger = await discovered(house.signer, oidc.PrivateKeyJwt(pair.privateKey));
  // The library reports the challenge of the 401 rather than the error in its body.
  const error = await oidc.clientCredentialsGrant(stranger, { audience: house.api }).then(() => null, (e) => e);
  assert(error?.code === 'OAUTH_WWW_AUTHENTICATE_CHALLENGE' && error.status === 401, `${error?.code} ${error?.status}`);
});

for (const [what, config] of [['client_secret_basic', basic], ['public client', open]]) {
  await step(NAME, `revocation, ${what}`, async () => {
    const tokens = await login(config);
    await oidc.tokenRevocation(config, tokens.refresh_token);
    await refused('invalid_grant', () => oidc.refreshTokenGrant(config, tokens.refresh_token));
    await oidc.tokenRevocation(config, 'nothing that was ever issued');
  });
}
await step(NAME, 'introspection by the client', async () => {
  const tokens = await login(basic);
  for (const token of [tokens.access_token, tokens.refresh_token]) {
    const told = await oidc.tokenIntrospection(basic, token);
    assert(told.active && told.sub === house.user.user_id, JSON.stringify(told));
  }
  const other = await oidc.tokenIntrospection(machine, tokens.access_token);
  assert(other.active === false && Object.keys(other).length === 1, 'another client learns nothing');
  await oidc.tokenRevocation(basic, tokens.refresh_token);
  const told = await oidc.tokenIntrospection(basic, tokens.access_token);
  assert(told.active === false, 'it ended with the refresh token');
});
await step(NAME, 'introspection by the API, signed', async () => {
  const server = await discovered(house.server, oidc.ClientSecretBasic(house.server.client_secret));
  const tokens = await login(open);
  const told = await oidc.tokenIntrospection(server, tokens.access_token);
  assert(told.active && told.client_id === house.public.client_id, JSON.stringify(told));
  const { client_id: id, client_secret: secret } = house.server;
  const answer = await fetch(server.serverMetadata().introspection_endpoint, {
    method: 'POST',
    headers: {
      accept: 'application/token-introspection+jwt',
      authorization: `Basic ${btoa(`${id}:${secret}`)}`,
    },
    body: new URLSearchParams({ token: tokens.access_token }),
  });
  const { payload } = await jwtVerify(await answer.text(), keys,
    { issuer: house.issuer, audience: id, typ: 'token-introspection+jwt' });
  assert(payload.token_introspection.active, 'RFC 9701, section 5');
});

for (const [what, client, config] of [['confidential', house.confidential, basic], ['public', house.public, open]]) {
  await step(NAME, `DPoP, ${what} client`, async () => {
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'));
    const tokens = await login(config, {}, { DPoP });
    assert(tokens.token_type === 'dpop', `the token type is ${tokens.token_type}`);
    const about = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP });
    assert(about.sub === house.user.user_id, `userinfo of ${client.client_id}`);
    const bearer = await fetch(config.serverMetadata().userinfo_endpoint, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    assert(bearer.status === 401, 'as a bearer token it is refused');
  });
}
await step(NAME, 'DPoP with the nonce that the server asks for', async () => {
  const config = await oidc.discovery(new URL(house.nonces.issuer), house.nonces.client_id, undefined, oidc.None());
  const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('EdDSA'));
  const parameters = { username: house.nonces.email, password: house.nonces.password, scope: 'openid' };
  const tokens = await oidc.genericGrantRequest(config, 'password', parameters, { DPoP });
  await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP });
});
