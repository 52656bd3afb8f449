/// <reference path="../types/globals.d.ts" />
/**
 * An Action: what a user has paid for decides on scopes and claims.
 * @type {import("../types/actions").PostLoginAction}
 */
exports.onExecutePostLogin = async (event, api) => {
  const plan = event.user.app_metadata.plan ?? "free";
  api.accessToken.setCustomClaim(`${event.secrets.NAMESPACE}plan`, plan);

  if (plan === "suspended") {
    api.access.deny("Your subscription is suspended");
    return;
  }
  if (plan === "free") {
    api.accessToken.removeScope("export:reports");
  }
  if (event.stats.logins_count === 1) {
    api.user.setUserMetadata("welcomed", false);
    console.log("first login of", event.user.email);
  }
};
