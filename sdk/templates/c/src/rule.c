// Roles become a claim of the access token.

#include <stdlib.h>
#include <string.h>

#include "../sdk/rule.h"

// A JSON text under construction. Nothing is freed: an instance lives for one call.
typedef struct { uint8_t *bytes; size_t length, capacity; } text;

static void put(text *to, const void *bytes, size_t length) {
  if (to->length + length > to->capacity) {
    to->capacity = (to->length + length) * 2;
    to->bytes = realloc(to->bytes, to->capacity);
    if (to->bytes == NULL) abort();
  }
  memcpy(to->bytes + to->length, bytes, length);
  to->length += length;
}

// RFC 8259, section 7.
static void put_string(text *to, const rule_string_t *string) {
  static const char digits[] = "0123456789abcdef";
  put(to, "\"", 1);
  for (size_t i = 0; i < string->len; i++) {
    uint8_t byte = string->ptr[i];
    if (byte < 0x20) {
      char escape[] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
      put(to, escape, sizeof escape);
      continue;
    }
    if (byte == '"' || byte == '\\') put(to, "\\", 1);
    put(to, &byte, 1);
  }
  put(to, "\"", 1);
}

bool exports_rule_decide(rule_exchange_t *exchange, rule_list_effect_t *effects,
                         rule_denial_t *denial) {
  (void)denial;
  effects->len = 0;
  effects->ptr = NULL;
  if (!exchange->user.is_some) return true;
  text json = {0};
  put(&json, "[", 1);
  for (size_t i = 0; i < exchange->user.val.roles.len; i++) {
    if (i > 0) put(&json, ",", 1);
    put_string(&json, &exchange->user.val.roles.ptr[i]);
  }
  put(&json, "]", 1);

  effects->ptr = calloc(1, sizeof *effects->ptr);
  if (effects->ptr == NULL) abort();
  effects->len = 1;
  effects->ptr->tag = CLAIMSMITH_RULES_TYPES_EFFECT_SET_ACCESS_CLAIM;
  rule_string_dup(&effects->ptr->val.set_access_claim.name, "https://example.com/roles");
  effects->ptr->val.set_access_claim.value.ptr = json.bytes;
  effects->ptr->val.set_access_claim.value.len = json.length;
  return true;
}
