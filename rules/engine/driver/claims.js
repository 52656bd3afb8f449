// Names of claims that rules do not start with: those the server sets, and those that the user's profile fills.
const NAMES = `acr act active amr at_hash ath attest aud auth_time authorization_details azp c_hash client_id cnf cty dest
entitlements events exp groups gty htm htu iat internalService iss jcard jku jti jwe jwk kid may_act mky nbf nonce
object_id org_id org_name orig origid permissions roles rph s_hash scope sid sip_callid sip_cseq_num sip_date
sip_from_tag sip_via_branch sub sub_jwk toe txn typ uuid vot vtm x5t#S256`;

const PROFILE = `address birthdate email email_verified family_name gender given_name locale middle_name name
nickname phone_number phone_number_verified picture preferred_username profile updated_at website zoneinfo`.split(/\s+/);

// Asked with `in`: a set's own function could be a tenant's by then.
const among = (names) => Object.fromEntries(names.map((name) => [name, true]));

export const profile = { __proto__: null, ...among(PROFILE) };

export const reserved = { __proto__: null, ...among(NAMES.split(/\s+/)), ...profile };
