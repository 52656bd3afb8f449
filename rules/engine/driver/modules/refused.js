// Modules that are refused for a reason, which is told at upload.
const DATABASE = " (rules reach no database: put what they need behind an HTTPS API, and fetch it)";
const NETWORK = " (use `fetch`, `axios` or `request`)";

const REASONS = {
    mongodb: DATABASE, mongo: DATABASE, mongoose: DATABASE, mysql: DATABASE, mysql2: DATABASE, pg: DATABASE, postgres: DATABASE,
    mssql: DATABASE, tedious: DATABASE, redis: DATABASE, couchbase: DATABASE, "cassandra-driver": DATABASE, knex: DATABASE,
    "azure-storage": DATABASE, oracledb: DATABASE, sqlite3: DATABASE, "aws-sdk": NETWORK, ldapjs: DATABASE,
    http: NETWORK, https: NETWORK, net: NETWORK, tls: NETWORK, dns: NETWORK, superagent: NETWORK, got: NETWORK, needle: NETWORK,
    fs: " (rules have no files)", child_process: " (rules start no processes)",
};

export const refusedModule = (name) => (Object.hasOwn(REASONS, name) ? REASONS[name] : "");
