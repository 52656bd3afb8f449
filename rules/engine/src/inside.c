// QuickJS-ng itself, and three things that its public interface does not give.
#include "quickjs.c"

#include "inside.h"

// On WASI the engine sets no limit, for want of a way to know where its stack ends. Ours begins at address zero
// (`--stack-first`), so the limit is a plain address, and stays right in every copy of the snapshot.
void inside_limit_stack(JSRuntime *runtime, uintptr_t reserve) {
    runtime->stack_limit = reserve;
}

void inside_seed(JSContext *context, uint64_t seed) {
    // Zero is the one state that xorshift never leaves.
    context->random_state = seed ? seed : 1;
}

// `Error.prepareStackTrace` receives call sites, and each would give out its function: the driver's, too.
int inside_close_call_sites(JSContext *context) {
    JSAtom name = JS_NewAtom(context, "getFunction");
    int deleted = JS_DeleteProperty(context, context->class_proto[JS_CLASS_CALL_SITE], name, 0);
    JS_FreeAtom(context, name);
    return deleted;
}
