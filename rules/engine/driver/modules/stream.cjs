// What `jws` inherits from and never uses when it signs and verifies at once.
module.exports = class Stream {};
