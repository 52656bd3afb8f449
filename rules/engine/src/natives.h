// `globalThis.native`: what the driver can do beyond JavaScript.
#pragma once
#include <quickjs.h>

// Defines it. The driver takes it, and deletes the global, before any tenant's code runs.
int natives_define(JSContext *context);

// Compiles a script without running it, and returns its bytecode as a Uint8Array.
JSValue natives_compile(JSContext *context, const char *source, size_t length, const char *file, int line);

// Evaluates such bytecode.
JSValue natives_load(JSContext *context, JSValueConst bytecode);
