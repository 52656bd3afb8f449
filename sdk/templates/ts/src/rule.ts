// Roles become a claim of the access token.
import type { PostLoginAction } from "../types/actions";

export const onExecutePostLogin: PostLoginAction = async (event, api) => {
  const { roles } = event.authorization;
  api.accessToken.setCustomClaim("https://example.com/roles", roles);
};
