//! Checks passwords. Knows nothing of rules, tokens or HTTP.
