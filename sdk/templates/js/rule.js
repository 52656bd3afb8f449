// Roles become a claim of the access token.
function rolesToClaims(user, context, callback) {
  const roles = (context.authorization && context.authorization.roles) || [];
  context.accessToken["https://example.com/roles"] = roles;
  callback(null, user, context);
}
