// QuickJS-ng itself, and what its public interface does not give.
#include <malloc.h>
#include <stdint.h>
#include <unistd.h>

// Whatever lies below was there when the snapshot was taken.
static uintptr_t frozen_below;

// How often anything there is referred to: so often that no reference is the last one, or the only one. A run cannot hold as
// many references as would be needed to move this far.
static int frozen_count = 1 << 30;

// Where the references to `object` are counted: `own` is its own place for that, and `build.sh` lets the engine ask here.
// What is frozen lives as long as the instance, so nobody has to know how many refer to it. Were it counted, every call would
// write to pages all over the memory, and each of them has to be restored before the next call.
static inline int *inside_ref_count(const void *object, int *own) {
    return (uintptr_t)object < frozen_below ? &frozen_count : own;
}

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

// The engine makes its built-in functions when they are first asked for, and notes them in their objects. Done once here,
// nobody has to do it again.
static int make_builtins(JSContext *context) {
    struct list_head *link;
    list_for_each(link, &context->rt->gc_obj_list) {
        JSGCObjectHeader *header = list_entry(link, JSGCObjectHeader, link);
        if (JS_GC_TYPE(header) != JS_GC_OBJ_TYPE_JS_OBJECT) continue;
        JSObject *object = (JSObject *)header;
        for (int i = 0; i < object->shape->prop_count; i++) {
            JSShapeProperty *shape = &get_shape_prop(object->shape)[i];
            JSProperty *property = &object->prop[i];
            if ((shape->flags & JS_PROP_TMASK) != JS_PROP_AUTOINIT) continue;
            if (js_autoinit_get_id(property) != JS_AUTOINIT_ID_PROP) continue;
            if (JS_AutoInitProperty(context, object, shape->atom, property, shape) < 0) return -1;
        }
    }
    return 0;
}

// The engine's memory. What is frozen is not freed: nothing else may come to lie where references are not counted.
static bool is_frozen(const void *memory) {
    return (uintptr_t)memory < frozen_below;
}

static size_t usable(const void *memory) {
    if (memory == NULL) return 0;
    // Small blocks lie inside of others; `freeze_arenas` made them look like those that do not.
    const JSMallocBlockHeader *block = memory;
    if (is_frozen(memory) && block->block_size_idx < JS_ARENA_BLOCK_SIZE_COUNT) return arena_block_sizes[block->block_size_idx];
    return malloc_usable_size((void *)memory);
}

static void *allocate_zeroed(void *opaque, size_t count, size_t size) {
    (void)opaque;
    return calloc(count, size);
}

static void *allocate(void *opaque, size_t size) {
    (void)opaque;
    return malloc(size);
}

static void release(void *opaque, void *memory) {
    (void)opaque;
    if (!is_frozen(memory)) free(memory);
}

static void *resize(void *opaque, void *memory, size_t size) {
    (void)opaque;
    if (memory == NULL || !is_frozen(memory)) return realloc(memory, size);
    size_t old = usable(memory);
    void *moved = malloc(size);
    if (moved != NULL) memcpy(moved, memory, old < size ? old : size);
    return moved;
}

JSRuntime *inside_new_runtime(void) {
    static const JSMallocFunctions functions = {allocate_zeroed, allocate, release, resize, usable};
    return JS_NewRuntime2(&functions, NULL);
}

// Small blocks would be given back to the arenas that they lie in. Now they are blocks of their own, and their arenas are
// forgotten together with what was free in them.
static void freeze_arenas(JSRuntime *runtime) {
    for (int i = 0; i < JS_ARENA_BLOCK_SIZE_COUNT; i++) {
        struct list_head *link;
        list_for_each(link, &runtime->arena_state.arena_list[i]) {
            JSArena *arena = list_entry(link, JSArena, link);
            for (int block = 0; block < arena->n_blocks; block++)
                ((JSMallocBlockHeader *)arena_get_block(arena, block, arena_block_sizes[i]))->u.block_idx = JS_ARENA_FREE_NIL;
        }
        init_list_head(&runtime->arena_state.arena_list[i]);
        init_list_head(&runtime->arena_state.free_arena_list[i]);
    }
}

// Takes what is free between the blocks in use, so that what a run allocates comes to lie together behind them.
static void fill_holes(size_t spare) {
    // The one that ends beyond what is the end of the memory now lies behind all holes.
    char *memory_end = sbrk(0), *last = malloc(spare);
    while (last + spare < memory_end) last = malloc(spare);
    for (size_t size = spare; size >= 8; size /= 2)
        for (;;) {
            char *hole = malloc(size);
            if (hole > last) {
                free(hole);
                break;
            }
            // What somebody left there would only make the snapshot larger.
            memset(hole, 0, size);
        }
    free(last);
}

int inside_freeze(JSContext *context, size_t spare) {
    JSRuntime *runtime = context->rt;
    if (make_builtins(context) < 0) return -1;
    JS_RunGC(runtime);
    // Cycles are not looked for any more: memory is bounded and short-lived, collecting would cost more than it gives back.
    JS_SetGCThreshold(runtime, -1);
    static struct list_head frozen_objects;
    frozen_objects = runtime->gc_obj_list;
    frozen_objects.next->prev = frozen_objects.prev->next = &frozen_objects;
    init_list_head(&runtime->gc_obj_list);
    freeze_arenas(runtime);
    fill_holes(spare);
    frozen_below = (uintptr_t)malloc(8);
    // An arena for each size, with a block in it that keeps it from being given back.
    for (int i = 0; i < JS_ARENA_BLOCK_SIZE_COUNT; i++)
        js_malloc_rt(runtime, arena_block_sizes[i] - sizeof(JSMallocBlockHeader));
    return 0;
}
