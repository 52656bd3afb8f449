// Names that were there without `require` and are not here. Reading one says so.
const DATABASE = "rules reach no database; put what they need behind an HTTPS API, and fetch it";

export const refusedGlobals = {
    mongo: DATABASE, mysql: DATABASE, mysql_pool: DATABASE, postgres: DATABASE, pg: DATABASE, sqlserver: DATABASE,
    couchbase: DATABASE, cql: DATABASE, azure_storage: DATABASE, Knex: DATABASE, ObjectID: DATABASE,
    bcrypt: "a login's password was checked before the rules; hash other things with `crypto`",
    pbkdf2: "use `crypto.pbkdf2Sync`",
    xmldom: "rules parse no XML here", xml2js: "rules parse no XML here", xpath: "rules parse no XML here",
    Pubnub: "use its HTTPS API with `fetch`",
    Auth0: "use `auth0.users.updateAppMetadata` and `updateUserMetadata`",
};
