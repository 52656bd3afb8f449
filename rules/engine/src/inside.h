// What is kept of the engine beyond its public interface.
#pragma once
#include <stdint.h>
#include <quickjs.h>

// A runtime whose memory can be frozen.
JSRuntime *inside_new_runtime(void);

// Lets JavaScript recurse until this much of the stack is left; then it is a RangeError.
void inside_limit_stack(JSRuntime *runtime, uintptr_t reserve);

// Restarts `Math.random`.
void inside_seed(JSContext *context, uint64_t seed);

// The value of a JSON text of `length` bytes, with a zero byte behind it: what `JSON.parse` says of it, and sooner.
JSValue inside_parse(JSContext *context, const char *text, size_t length);

// What `JSON.stringify` says of a value, and sooner.
JSValue inside_stringify(JSContext *context, JSValueConst value);

// `Object.keys`, but nobody can have replaced it; a list without names for what is no object.
JSValue inside_names(JSContext *context, JSValueConst value);

// Gives `target` the properties that `source` has of its own, or their JSON texts where there is one.
JSValue inside_copy(JSContext *context, JSValue target, JSValueConst source, bool texts);

// `new Date(value).toISOString()`, or undefined if it is not one of the common years.
JSValue inside_iso(JSContext *context, JSValueConst value);

// Takes away what would hand a function of the driver to a tenant's code.
int inside_close_call_sites(JSContext *context);

// Makes all that is there permanent: it is neither counted nor freed from here on, and `spare` bytes are ready for what comes.
int inside_freeze(JSContext *context, size_t spare);
