// Nobody gets a token without a verified e-mail address whose domain is on the tenant's list: the
// rule `email-allow-list` once more, in C. It must pass the very same cases.

#include "rule.h" // made from wit/ by `wit-bindgen c`

#define SETTING "ALLOWED_EMAIL_DOMAINS"

typedef struct {
  const uint8_t *start;
  size_t length;
} text;

static bool is_space(uint8_t byte) {
  return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\f' || byte == '\r';
}

static bool is_separator(uint8_t byte) { return byte == ',' || is_space(byte); }

static bool is_blank(text value) {
  for (size_t i = 0; i < value.length; i++)
    if (!is_space(value.start[i])) return false;
  return true;
}

// Upper case of ASCII only: what other alphabets do is no business of a domain name.
static uint8_t fold(uint8_t byte) { return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte; }

static bool same_name(text a, text b) {
  if (a.length != b.length) return false;
  for (size_t i = 0; i < a.length; i++)
    if (fold(a.start[i]) != fold(b.start[i])) return false;
  return true;
}

// Whole domains only: neither `sub.example.com` nor `notexample.com` is `example.com`.
static bool is_listed(text list, text domain) {
  for (size_t start = 0, end; start <= list.length; start = end + 1) {
    for (end = start; end < list.length && !is_separator(list.start[end]);) end++;
    if (same_name((text){list.start + start, end - start}, domain)) return true;
  }
  return false;
}

// What follows the last `@` (a quoted local part may hold another), if the user showed that the
// address is theirs; empty otherwise.
static text verified_domain(const rule_exchange_t *exchange) {
  const text none = {0};
  if (!exchange->user.is_some) return none;
  const claimsmith_rules_types_user_t *user = &exchange->user.val;
  if (!user->email_verified || !user->email.is_some) return none;
  const text email = {user->email.val.ptr, user->email.val.len};
  for (size_t at = email.length; at-- > 1;)
    if (email.start[at] == '@') return (text){email.start + at + 1, email.length - at - 1};
  return none;
}

static bool deny(rule_denial_t *denial, const char *error, const char *description) {
  denial->error.is_some = true;
  rule_string_dup(&denial->error.val, error);
  rule_string_dup(&denial->description, description);
  return false;
}

// True: the login goes on, with no effects. False: it ends with `denial`.
// Nothing is freed here: the instance is gone after the call.
bool exports_rule_decide(rule_exchange_t *exchange, rule_list_effect_t *effects, rule_denial_t *denial) {
  rule_string_t key, value;
  rule_string_set(&key, SETTING);
  bool is_set = claimsmith_rules_configuration_get(&key, &value);
  if (!is_set || is_blank((text){value.ptr, value.len})) {
    rule_string_t line;
    rule_string_set(&line, "configuration `" SETTING "` is not set");
    claimsmith_rules_log_write(CLAIMSMITH_RULES_LOG_LEVEL_ERROR, &line);
    return deny(denial, "server_error", "the login rules of this tenant are misconfigured");
  }
  text domain = verified_domain(exchange);
  // One text for every reason: the list is not to be guessed from the answers.
  if (domain.length == 0 || !is_listed((text){value.ptr, value.len}, domain))
    return deny(denial, "unauthorized", "a verified e-mail address of an allowed domain is required");
  effects->ptr = NULL;
  effects->len = 0;
  return true;
}
