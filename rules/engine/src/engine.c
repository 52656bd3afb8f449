// The exports of engine.wit, and the preparation that the snapshot is taken after.
#include <stdlib.h>
#include <string.h>

#include "bindings.h"
#include "inside.h"
#include "natives.h"

// What must be left of the stack when JavaScript recurses: for the frames of the engine's own functions, which
// check nothing.
#define STACK_RESERVE (32 << 10)

// Memory that a run has before it must grow: growing, and shrinking again, are calls of the kernel.
#define SPARE (512 << 10)

static JSRuntime *runtime;
static JSContext *context;
static JSValue driver_compile, driver_run;

static JSValue take(JSValueConst object, const char *name) {
    JSValue value = JS_GetPropertyStr(context, object, name);
    if (!JS_IsFunction(context, value)) __builtin_trap();
    return value;
}

// A copy of a JavaScript string that the bindings can free.
static bindings_string_t string(JSValueConst value) {
    bindings_string_t copy = {NULL, 0};
    const char *text = inside_unicode(context, &copy.len, value);
    if (text == NULL) __builtin_trap();
    copy.ptr = malloc(copy.len + 1);
    memcpy(copy.ptr, text, copy.len);
    JS_FreeCString(context, text);
    return copy;
}

// The words of what was thrown.
static bindings_string_t thrown(void) {
    JSValue error = JS_GetException(context);
    bindings_string_t words = string(error);
    JS_FreeValue(context, error);
    return words;
}

static JSValue text(const bindings_string_t *given) {
    return JS_NewStringLen(context, (const char *)given->ptr, given->len);
}

bool exports_bindings_compile(bindings_string_t *name, bindings_string_t *source, bindings_tuple2_string_list_u8_t *program,
                            bindings_string_t *problem) {
    JSValueConst arguments[] = {text(name), text(source)};
    JSValue made = JS_Call(context, driver_compile, JS_UNDEFINED, 2, arguments);
    if (JS_IsException(made)) {
        *problem = thrown();
        return false;
    }
    JSValue bytecode = JS_GetPropertyUint32(context, made, 1);
    uint8_t *bytes = JS_GetUint8Array(context, &program->f1.len, bytecode);
    if (bytes == NULL) {
        *problem = thrown();
        return false;
    }
    program->f1.ptr = malloc(program->f1.len + 1);
    memcpy(program->f1.ptr, bytes, program->f1.len);
    program->f0 = string(JS_GetPropertyUint32(context, made, 0));
    return true;
}

// JSON that the host wrote, as a value. The canonical ABI puts no zero byte behind a text.
static JSValue json(const bindings_string_t *given, bool is_exchange) {
    char *copy = malloc(given->len + 1);
    if (copy == NULL) __builtin_trap();
    memcpy(copy, given->ptr, given->len);
    copy[given->len] = 0;
    return inside_parse(context, copy, given->len, is_exchange);
}

// Nothing is freed: the instance ends with the call, and its memory with it.
bool exports_bindings_run(bindings_list_tuple2_string_list_u8_t *programs, bindings_string_t *exchange,
                        bindings_string_t *problem) {
    JSValue list = JS_NewArray(context);
    for (uint32_t i = 0; i < programs->len; i++) {
        bindings_tuple2_string_list_u8_t *given = &programs->ptr[i];
        JSValue program = JS_NewArray(context);
        JS_SetPropertyUint32(context, program, 0, json(&given->f0, false));
        JSValue bytecode = JS_NewUint8Array(context, given->f1.ptr, given->f1.len, NULL, NULL, false);
        JS_SetPropertyUint32(context, program, 1, bytecode);
        JS_SetPropertyUint32(context, list, i, program);
    }
    JSValueConst arguments[] = {list, json(exchange, true)};
    if (!JS_IsException(arguments[1]) && !JS_IsException(JS_Call(context, driver_run, JS_UNDEFINED, 2, arguments))) return true;
    *problem = thrown();
    return false;
}

// Evaluates the driver, which the tool that takes the snapshot hands over.
__attribute__((export_name("prepare"))) void prepare(void) {
    runtime = JS_NewRuntime();
    inside_limit_stack(runtime, STACK_RESERVE);
    context = JS_NewContext(runtime);
    if (natives_define(context) < 0 || inside_close_call_sites(context) < 0) __builtin_trap();

    bindings_string_t operation = {(uint8_t *)"driver.source", 13}, none = {(uint8_t *)"", 0}, problem;
    bindings_list_u8_t nothing = {NULL, 0};
    claimsmith_engine_host_answer_t source;
    if (!claimsmith_engine_host_call(&operation, &none, &nothing, &source, &problem)) __builtin_trap();
    // Source becomes bytecode in an instance of its own, since what that leaves in memory is several times the driver:
    // first there is only the text, and the host keeps what it becomes; then there are the bytes.
    bool is_source = source.bytes.len == 0;
    JSValue bytecode = is_source
        ? natives_compile(context, (char *)source.text.ptr, source.text.len - 1, "driver.js", 1)
        : JS_NewUint8ArrayCopy(context, source.bytes.ptr, source.bytes.len);
    JSValue value = is_source ? bytecode : natives_load(context, bytecode);
    claimsmith_engine_host_answer_free(&source);
    if (JS_IsException(value)) {
        operation = (bindings_string_t){(uint8_t *)"driver.failed", 13};
        problem = thrown();
        claimsmith_engine_host_call(&operation, &problem, &nothing, &source, &none);
        __builtin_trap();
    }
    if (is_source) {
        operation = (bindings_string_t){(uint8_t *)"driver.bytecode", 15};
        nothing.ptr = JS_GetUint8Array(context, &nothing.len, value);
        claimsmith_engine_host_call(&operation, &none, &nothing, &source, &problem);
        return;
    }
    JS_FreeValue(context, bytecode);

    JSValue global = JS_GetGlobalObject(context);
    JSValue driver = JS_GetPropertyStr(context, global, "driver");
    driver_compile = take(driver, "compile");
    driver_run = take(driver, "run");
    JSAtom name = JS_NewAtom(context, "driver");
    JS_DeleteProperty(context, global, name, 0);
    JS_FreeAtom(context, name);
    JS_FreeValue(context, driver);
    JS_FreeValue(context, global);

    if (inside_freeze(context, SPARE) < 0) __builtin_trap();
}
