// QuickJS-ng itself, and what its public interface does not give.
#include <malloc.h>
#include <quickjs.h>
#include <stdint.h>
#include <unistd.h>

// How often anything there is referred to: so often that no reference is the last one, or the only one. A run cannot hold as
// many references as would be needed to move this far.
static int frozen_count = 1 << 30;

// Where the references to `object` are counted: `own` is its own place for that, and `build.sh` lets the engine ask here.
// What is frozen lives as long as the instance, so nobody has to know how many refer to it. Were it counted, every call would
// write to pages all over the memory, and each of them has to be restored before the next call.
static inline int *inside_ref_count(const void *object, int *own);

// Whether memory is worth freeing: not before the first of it is used up, since most calls end sooner.
static bool inside_is_full(void);

static void engine_free_value_rt(JSRuntime *runtime, JSValue value);

// Reads a name of bytecode that the engine knows already; if it does not, it is still to be read.
typedef struct BCReaderState BCReaderState;
static bool inside_read_atom(BCReaderState *reader, int type, JSAtom *atom);

// What `{ name: value }` does, and `function name() {}`; below.
static int inside_define_field(JSContext *context, JSValueConst object, JSAtom name, JSValue value, int flags);

#include "quickjs.c"

#include "allocate.inc"
#include "inside.h"

static inline int *inside_ref_count(const void *object, int *own) {
    return is_frozen(object) ? &frozen_count : own;
}

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

static bool inside_read_atom(BCReaderState *reader, int type, JSAtom *atom) {
    const uint8_t *from = reader->ptr;
    uint32_t length;
    if (type == JS_ATOM_TYPE_STRING && bc_get_leb128(reader, &length) == 0 && (length & 1) == 0) {
        // The lowest bit is that of wide characters.
        length >>= 1;
        bool whole = (size_t)(reader->buf_end - reader->ptr) >= length;
        *atom = whole ? __JS_FindAtom(reader->ctx->rt, (const char *)reader->ptr, length, type) : JS_ATOM_NULL;
        if (*atom != JS_ATOM_NULL) {
            reader->ptr += length;
            return true;
        }
    }
    reader->ptr = from;
    return false;
}

// A new property of a plain object, or of a new function, needs none of the care that the engine takes of all others.
static int inside_define_field(JSContext *context, JSValueConst object, JSAtom name, JSValue value, int flags) {
    JSObject *target = JS_IsObject(object) ? JS_VALUE_GET_OBJ(object) : NULL;
    bool plain = target != NULL && !target->is_exotic && target->extensible &&
        (target->class_id == JS_CLASS_OBJECT || target->class_id == JS_CLASS_BYTECODE_FUNCTION || target->class_id == JS_CLASS_C_FUNCTION);
    if (!plain || find_own_property1(target, name) != NULL)
        return JS_DefinePropertyValue(context, object, name, value, flags);
    JSProperty *property = add_property(context, target, name, flags & JS_PROP_C_W_E);
    if (property == NULL) {
        JS_FreeValue(context, value);
        return -1;
    }
    property->u.value = value;
    return 1;
}

// They need what is private to the engine, and so are one file with it.
#include "unicode.inc"
#include "json.inc"
#include "freeze.inc"
