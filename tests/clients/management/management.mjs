// auth0 (npm), as its documentation shows: sets up a tenant over the management API, and logs in to what it set up.
import { AuthenticationClient, ManagementClient } from 'auth0';
import { assert, house, step } from '../node/table.mjs';

const { domain, client_id: clientId, client_secret: clientSecret } = house.management;
const management = new ManagementClient({ domain, clientId, clientSecret });
const row = (what, attempt) => step('auth0 (npm)', what, attempt);
const api = 'https://node.example/';
const password = 'a sentence that nobody guesses';
const made = {};

await row('resource server', async () => {
  const scopes = [{ value: 'read:things', description: 'Reads things' }];
  made.api = await management.resourceServers.create({ identifier: api, name: 'Things', scopes, signing_alg: 'RS256' });
  const found = await management.resourceServers.get(made.api.id);
  assert(found.identifier === api && found.scopes[0].value === 'read:things', JSON.stringify(found));
});

await row('client', async () => {
  made.client = await management.clients.create({
    name: 'Node', app_type: 'regular_web', callbacks: ['https://node.example/cb'],
    grant_types: ['password', 'http://auth0.com/oauth/grant-type/password-realm', 'client_credentials'],
  });
  const changed = await management.clients.update(made.client.client_id, { client_metadata: { tier: 'gold' } });
  assert(changed.client_metadata.tier === 'gold' && changed.callbacks.length === 1, JSON.stringify(changed));
});

await row('client grant', async () => {
  made.grant = await management.clientGrants.create({
    client_id: made.client.client_id, audience: api, scope: ['read:things'],
  });
  const all = await management.clientGrants.list({ client_id: made.client.client_id });
  assert(all.data.length === 1 && all.data[0].id === made.grant.id, JSON.stringify(all.data));
});

await row('connection', async () => {
  made.connection = await management.connections.create({
    name: 'node-users', strategy: 'auth0', enabled_clients: [made.client.client_id], options: { disable_signup: true },
  });
  assert((await management.connections.get(made.connection.id)).options.disable_signup, 'the option is lost');
});

await row('user', async () => {
  made.user = await management.users.create({
    connection: 'node-users', email: 'node@acme.example', password, app_metadata: { plan: 'gold' },
  });
  await management.users.update(made.user.user_id, { user_metadata: { colour: 'red' } });
  const found = await management.users.list({ q: 'app_metadata.plan:gold AND email:node@acme.example' });
  assert(found.data.length === 1 && found.data[0].user_metadata.colour === 'red', JSON.stringify(found.data));
});

await row('rule', async () => {
  const script = `function (user, context, callback) {
    context.accessToken['https://node.example/plan'] = user.app_metadata.plan + configuration.NODE_MARK;
    callback(null, user, context);
  }`;
  await management.rulesConfigs.set('NODE_MARK', { value: '!' });
  made.rule = await management.rules.create({ name: 'Plan of the user', script, enabled: true });
  const all = await management.rules.list({ enabled: true });
  assert(all.data.some((rule) => rule.id === made.rule.id && rule.script === script), 'the rule is not listed');
});

const authentication = () => new AuthenticationClient({
  domain, clientId: made.client.client_id, clientSecret: made.client.client_secret,
});
const login = () => authentication().oauth.passwordGrant({
  username: 'node@acme.example', password, realm: 'node-users', audience: api,
});

await row('oauth.passwordGrant', async () => {
  const { data } = await login();
  const claims = JSON.parse(Buffer.from(data.access_token.split('.')[1], 'base64url'));
  assert(claims['https://node.example/plan'] === 'gold!', JSON.stringify(claims));
  assert(claims.scope === 'read:things', claims.scope);
});

await row('action', async () => {
  const code = `exports.onExecutePostLogin = async (event, api) => {
    api.accessToken.setCustomClaim('https://node.example/action', event.secrets.WORD + event.user.app_metadata.plan);
  };`;
  const action = await management.actions.create({
    name: 'Word of the user', code, runtime: 'node22', supported_triggers: [{ id: 'post-login', version: 'v3' }],
    dependencies: [{ name: 'lodash', version: '4.17.21' }], secrets: [{ name: 'WORD', value: 'first ' }],
  });
  const version = await management.actions.deploy(action.id);
  await management.actions.triggers.bindings.updateMany('post-login', {
    bindings: [{ ref: { type: 'action_id', value: action.id }, display_name: 'Word' }],
  });
  const word = async () => {
    const { data } = await login();
    return JSON.parse(Buffer.from(data.access_token.split('.')[1], 'base64url'));
  };
  let claims = await word();
  assert(claims['https://node.example/action'] === 'first gold', JSON.stringify(claims));
  await management.actions.update(action.id, { secrets: [{ name: 'WORD', value: 'second ' }] });
  assert(!(await management.actions.get(action.id)).all_changes_deployed, 'a draft was deployed');
  await management.actions.deploy(action.id);
  claims = await word();
  assert(claims['https://node.example/action'] === 'second gold', JSON.stringify(claims));
  await management.actions.versions.deploy(action.id, version.id);
  claims = await word();
  assert(claims['https://node.example/action'] === 'first gold', JSON.stringify(claims));
  const versions = await management.actions.versions.list(action.id);
  assert(versions.data.length === 3, JSON.stringify(versions.data));
  const names = [];
  for await (const one of await management.actions.list({ triggerId: 'post-login', per_page: 1 })) names.push(one.name);
  assert(names.join() === 'Word of the user', names.join());
  const { payload } = await management.actions.test(action.id, {
    payload: { event: { user: { app_metadata: { plan: 'tin' } } } },
  });
  assert(payload.after.access_claims['https://node.example/action'] === 'second tin', JSON.stringify(payload));
  await management.actions.delete(action.id, { force: true });
});

await row('jobs', async () => {
  const hash = '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
  const users = [{ email: 'moved@acme.example', password_hash: hash }, { email: 'nobody' }];
  const over = async (job) => {
    const end = Date.now() + 60_000;
    while (job.status === 'pending' && Date.now() < end) job = await management.jobs.get(job.id);
    return job;
  };
  const sent = await management.jobs.usersImports.create({
    users: new Blob([JSON.stringify(users)], { type: 'application/json' }), connection_id: made.connection.id,
    external_id: 'move',
  });
  const job = await over(sent);
  assert(job.status === 'completed' && job.summary.inserted === 1 && job.summary.failed === 1, JSON.stringify(job));
  const [failure] = await management.jobs.errors.get(job.id);
  assert(failure.user.email === 'nobody' && failure.errors[0].code === 'FORMAT', JSON.stringify(failure));
  const moved = await authentication().oauth.passwordGrant({
    username: 'moved@acme.example', password: 'U*U', realm: 'node-users', audience: api,
  }).catch((error) => error);
  // The rule wants metadata that the file had none of, and says so: the password was right.
  assert(moved.error !== 'invalid_grant', moved.message);
  const written = await over(await management.jobs.usersExports.create({
    connection_id: made.connection.id, format: 'csv', fields: [{ name: 'email' }],
  }));
  assert(written.location.endsWith(`/api/v2/jobs/${written.id}/file`), JSON.stringify(written));
});

await row('pages', async () => {
  const names = [];
  for await (const client of await management.clients.list({ per_page: 1 })) names.push(client.client_id);
  assert(names.length >= 2 && new Set(names).size === names.length, names.join());
});

await row('block and delete', async () => {
  await management.users.update(made.user.user_id, { blocked: true });
  await login().then(() => assert(false, 'a blocked user logged in'), (error) => assert(
    error.error_description === 'user is blocked', error.message));
  await management.users.delete(made.user.user_id);
  await management.rules.delete(made.rule.id);
  await management.users.get(made.user.user_id).then(() => assert(false, 'it is still there'), (error) => assert(
    error.statusCode === 404 && error.body.errorCode === 'inexistent_user', error.message));
});
