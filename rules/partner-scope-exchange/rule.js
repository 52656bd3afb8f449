// The form of the client-credentials exchange: partners get one scope more, and their number as a claim.
module.exports = function (client, scope, audience, context, cb) {
  const partner = client.metadata.partner;
  if (!partner) return cb(null, { scope: scope });
  if (!/^\d+$/.test(partner)) {
    const error = new Error('The partner number of this client is not a number.');
    error.name = 'InvalidRequestError';
    return cb(error);
  }
  cb(null, {
    scope: (scope || []).concat('read:partner'),
    'https://example.com/partner': Number(partner),
  });
};
