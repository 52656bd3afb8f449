// Roles and the plan become claims of both tokens; machines and unverified addresses are told apart.
function addRolesToTokens(user, context, callback) {
  const namespace = 'https://acme.example/';
  const assigned = (context.authorization || {}).roles || [];
  const metadata = user.app_metadata || {};

  function normalise(name) {
    return String(name).trim().toLowerCase().replace(/\s+/g, '-');
  }

  // The plan decides which of the roles count.
  const allowed = {
    free: ['support'],
    pro: ['admin', 'billing', 'support'],
    enterprise: ['admin', 'billing', 'support', 'auditor', 'owner']
  };
  const plan = metadata.plan || 'free';
  const known = allowed[plan] || allowed.free;
  const roles = assigned.map(normalise).filter(function (role) {
    return known.indexOf(role) !== -1;
  });

  // What the applications read of the organisation.
  const organisation = metadata.organisation
    ? { id: metadata.organisation, plan: plan, seats: metadata.seats || 1 }
    : null;
  const features = (metadata.features || []).filter(function (feature) {
    return feature !== 'internal';
  });

  context.idToken[namespace + 'roles'] = roles;
  context.accessToken[namespace + 'roles'] = roles;
  context.accessToken[namespace + 'features'] = features;
  if (organisation) {
    context.idToken[namespace + 'organisation'] = organisation;
    context.accessToken[namespace + 'organisation'] = organisation;
  }

  // Somebody who logs in for the first time is greeted; the applications ask for the language.
  const language = (user.user_metadata || {}).language || 'en';
  const logins = (context.stats || {}).loginsCount || 0;
  context.idToken[namespace + 'greeting'] = logins > 1 ? 'welcome-back' : 'welcome';
  context.idToken[namespace + 'language'] = language;

  // Addresses that nobody has confirmed get in, and the applications are told.
  if (!user.email_verified) {
    context.idToken[namespace + 'unverified'] = true;
    context.accessToken[namespace + 'unverified'] = true;
  }

  return callback(null, user, context);
}
