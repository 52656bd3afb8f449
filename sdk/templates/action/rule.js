// Roles become a claim of the access token.
exports.onExecutePostLogin = async (event, api) => {
  const roles = (event.authorization && event.authorization.roles) || [];
  api.accessToken.setCustomClaim("https://example.com/roles", roles);
};
