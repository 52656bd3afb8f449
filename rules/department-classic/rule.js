// A classic rule: people of a department get its roles, outside of it nobody gets in.
function addDepartment(user, context, callback) {
  const _ = require('lodash@4.17.21');
  const namespace = configuration.NAMESPACE;

  // Machines and tests may come without a department, people may not.
  const department = _.get(user, 'app_metadata.department');
  if (!department) {
    return callback(new UnauthorizedError('NO_DEPARTMENT: ask an administrator to add you to one'));
  }

  const roles = _.uniq(_.concat(context.authorization.roles, `${department}:member`));
  context.accessToken[`${namespace}department`] = department;
  context.accessToken[`${namespace}roles`] = roles;
  context.idToken[`${namespace}roles`] = roles;

  // What a rule keeps of a user goes through the management client, and is stored with the login.
  user.app_metadata.last_department = department;
  auth0.users
    .updateAppMetadata(user.user_id, { last_department: department })
    .then(() => callback(null, user, context))
    .catch((error) => callback(error));
}
