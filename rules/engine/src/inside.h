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

// Takes away what would hand a function of the driver to a tenant's code.
int inside_close_call_sites(JSContext *context);

// Makes all that is there permanent: it is neither counted nor freed from here on, and `spare` bytes are ready for what comes.
int inside_freeze(JSContext *context, size_t spare);
