// What is kept of the engine beyond its public interface.
#pragma once
#include <stdint.h>
#include <quickjs.h>

// Lets JavaScript recurse until this much of the stack is left; then it is a RangeError.
void inside_limit_stack(JSRuntime *runtime, uintptr_t reserve);

// Restarts `Math.random`.
void inside_seed(JSContext *context, uint64_t seed);

// `JS_ToCStringLen`, but with U+FFFD for each half of a surrogate pair that lacks the other: what leaves is Unicode.
const char *inside_unicode(JSContext *context, size_t *length, JSValueConst value);

// The value of a JSON text of `length` bytes, with a zero byte behind it: what `JSON.parse` says of it, and sooner.
JSValue inside_parse(JSContext *context, const char *text, size_t length, bool is_exchange);

// What exchanges look like: those that do are read sooner.
void inside_expect(JSContext *context, JSValueConst value);

// What `JSON.stringify` says of a value, and sooner; with U+FFFD for halves of surrogate pairs, which it would escape.
JSValue inside_stringify(JSContext *context, JSValueConst value);

// The JSON text of each property that `source` has of its own, in an object; or of those that an array names.
JSValue inside_texts(JSContext *context, JSValueConst source);
JSValue inside_texts_of(JSContext *context, JSValueConst source, JSValueConst names);

// Between two such objects of claims: effects named `set` and `remove`, as texts of JSON with commas between.
JSValue inside_changes(JSContext *context, JSValueConst set, JSValueConst remove, JSValueConst before, JSValueConst after);

// Takes away what would hand a function of the driver to a tenant's code.
int inside_close_call_sites(JSContext *context);

// Makes all that is there permanent: it is neither counted nor freed from here on, and `spare` bytes are ready for what comes.
int inside_freeze(JSContext *context, size_t spare);
