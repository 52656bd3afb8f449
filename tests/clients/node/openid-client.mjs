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
