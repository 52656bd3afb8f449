#include "natives.h"

#include <string.h>

#include "bindings.h"
#include "inside.h"
#include "system.h"

// A string of JavaScript's for the time of one call of the host.
static bool lend(JSContext *context, JSValueConst value, bindings_string_t *lent) {
    size_t length;
    const char *text = inside_unicode(context, &length, value);
    *lent = (bindings_string_t){(uint8_t *)text, length};
    return text != NULL;
}

static void give_back(JSContext *context, bindings_string_t *lent) {
    JS_FreeCString(context, (const char *)lent->ptr);
}

// Asks the host: operation, text = "", bytes = none. False if that is thrown which the host says.
static bool call(JSContext *context, int count, JSValueConst *arguments, claimsmith_engine_host_answer_t *answer) {
    bindings_string_t operation, text = {(uint8_t *)"", 0}, problem;
    bindings_list_u8_t bytes = {NULL, 0};
    bool has_text = count > 1 && !JS_IsUndefined(arguments[1]);
    if (count > 2 && !JS_IsUndefined(arguments[2])) {
        bytes.ptr = JS_GetUint8Array(context, &bytes.len, arguments[2]);
        if (bytes.ptr == NULL) return false;
    }
    if (!lend(context, arguments[0], &operation)) return false;
    if (has_text && !lend(context, arguments[1], &text)) {
        give_back(context, &operation);
        return false;
    }
    bool fine = claimsmith_engine_host_call(&operation, &text, &bytes, answer, &problem);
    give_back(context, &operation);
    if (has_text) give_back(context, &text);
    if (fine) return true;
    JSValue error = JS_NewError(context);
    JSValue message = JS_NewStringLen(context, (char *)problem.ptr, problem.len);
    JS_DefinePropertyValueStr(context, error, "message", message, JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE);
    bindings_string_free(&problem);
    JS_Throw(context, error);
    return false;
}

// host(operation, text, bytes) -> { text, bytes }
static JSValue host(JSContext *context, JSValueConst self, int count, JSValueConst *arguments) {
    (void)self;
    claimsmith_engine_host_answer_t answer;
    if (!call(context, count, arguments, &answer)) return JS_EXCEPTION;
    JSValue object = JS_NewObject(context);
    JSValue text = JS_NewStringLen(context, (char *)answer.text.ptr, answer.text.len);
    JS_DefinePropertyValueStr(context, object, "text", text, JS_PROP_C_W_E);
    JSValue bytes = JS_UNDEFINED;
    if (answer.bytes.len != 0) bytes = JS_NewUint8ArrayCopy(context, answer.bytes.ptr, answer.bytes.len);
    JS_DefinePropertyValueStr(context, object, "bytes", bytes, JS_PROP_C_W_E);
    claimsmith_engine_host_answer_free(&answer);
    return object;
}

// ask(operation, text, bytes) -> text
static JSValue ask(JSContext *context, JSValueConst self, int count, JSValueConst *arguments) {
    (void)self;
    claimsmith_engine_host_answer_t answer;
    if (!call(context, count, arguments, &answer)) return JS_EXCEPTION;
    JSValue text = JS_NewStringLen(context, (char *)answer.text.ptr, answer.text.len);
    claimsmith_engine_host_answer_free(&answer);
    return text;
}

// parse(text): `JSON.parse`
static JSValue parse(JSContext *context, JSValueConst self, int count, JSValueConst *arguments) {
    (void)self;
    (void)count;
    size_t length;
    const char *text = JS_ToCStringLen(context, &length, arguments[0]);
    if (text == NULL) return JS_EXCEPTION;
    JSValue value = inside_parse(context, text, length, false);
    JS_FreeCString(context, text);
    return value;
}

// stringify(value): `JSON.stringify`
static JSValue stringify(JSContext *context, JSValueConst self, int count, JSValueConst *arguments) {
    (void)self;
    (void)count;
    return inside_stringify(context, arguments[0]);
}

// texts(object) -> the JSON text of each property that has one
static JSValue texts(JSContext *context, JSValueConst self, int count, JSValueConst *arguments) {
    (void)self;
    (void)count;
    return inside_texts(context, arguments[0]);
}

// textsOf(object, names) -> the JSON text of each property of those names
static JSValue texts_of(JSContext *context, JSValueConst self, int count, JSValueConst *arguments) {
    (void)self;
    (void)count;
    return inside_texts_of(context, arguments[0], arguments[1]);
}

// changes(set, remove, before, after) -> effects of these names that turn one into the other, as texts of JSON
static JSValue changes(JSContext *context, JSValueConst self, int count, JSValueConst *arguments) {
    (void)self;
    (void)count;
    return inside_changes(context, arguments[0], arguments[1], arguments[2], arguments[3]);
}

// expect(value): exchanges will look like it
static JSValue expect(JSContext *context, JSValueConst self, int count, JSValueConst *arguments) {
    (void)self;
    (void)count;
    inside_expect(context, arguments[0]);
    return JS_UNDEFINED;
}

JSValue natives_compile(JSContext *context, const char *source, size_t length, const char *file, int line) {
    JSEvalOptions options = {
        .version = JS_EVAL_OPTIONS_VERSION,
        .eval_flags = JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY,
        .filename = file,
        .line_num = line,
    };
    JSValue script = JS_Eval2(context, source, length, &options);
    if (JS_IsException(script)) return script;
    size_t size;
    // Without the source, which nothing but `Function.prototype.toString` reads.
    uint8_t *bytes = JS_WriteObject(context, &size, script, JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_SOURCE);
    JS_FreeValue(context, script);
    if (bytes == NULL) return JS_EXCEPTION;
    // In the place of a checksum, behind the version: none. Nothing comes between the writer and the reader.
    if (size >= 5) memset(bytes + 1, 0xff, 4);
    JSValue bytecode = JS_NewUint8ArrayCopy(context, bytes, size);
    js_free(context, bytes);
    return bytecode;
}

// compile(source, file, first line = 1) -> Uint8Array
static JSValue compile(JSContext *context, JSValueConst self, int count, JSValueConst *arguments) {
    (void)self;
    int line = 1;
    if (count > 2 && JS_ToInt32(context, &line, arguments[2])) return JS_EXCEPTION;
    size_t length;
    const char *source = JS_ToCStringLen(context, &length, arguments[0]);
    if (source == NULL) return JS_EXCEPTION;
    const char *file = JS_ToCString(context, arguments[1]);
    JSValue bytecode = JS_EXCEPTION;
    if (file != NULL) bytecode = natives_compile(context, source, length, file, line);
    JS_FreeCString(context, file);
    JS_FreeCString(context, source);
    return bytecode;
}

JSValue natives_load(JSContext *context, JSValueConst bytecode) {
    size_t length;
    uint8_t *bytes = JS_GetUint8Array(context, &length, bytecode);
    if (bytes == NULL) return JS_EXCEPTION;
    JSValue script = JS_ReadObject(context, bytes, length, JS_READ_OBJ_BYTECODE);
    if (JS_IsException(script)) return script;
    return JS_EvalFunction(context, script);
}

// load(bytecode) -> the value of the script
static JSValue load(JSContext *context, JSValueConst self, int count, JSValueConst *arguments) {
    (void)self;
    (void)count;
    return natives_load(context, arguments[0]);
}

// runJobs() -> how many ran until no promise had one left
static JSValue run_jobs(JSContext *context, JSValueConst self, int count, JSValueConst *arguments) {
    (void)self;
    (void)count;
    (void)arguments;
    JSContext *origin;
    for (int ran = 0;; ran++) {
        int status = JS_ExecutePendingJob(JS_GetRuntime(context), &origin);
        if (status == 0) return JS_NewInt32(context, ran);
        if (status < 0) return JS_EXCEPTION;
    }
}

static JSValue on_rejection;

static void rejected(JSContext *context, JSValueConst promise, JSValueConst reason, bool handled, void *opaque) {
    (void)opaque;
    JSValueConst arguments[] = {promise, reason, JS_NewBool(context, handled)};
    JS_FreeValue(context, JS_Call(context, on_rejection, JS_UNDEFINED, 3, arguments));
}

// onUnhandledRejection((promise, reason, handled) => …)
static JSValue on_unhandled_rejection(JSContext *context, JSValueConst self, int count, JSValueConst *arguments) {
    (void)self;
    (void)count;
    on_rejection = JS_DupValue(context, arguments[0]);
    JS_SetHostPromiseRejectionTracker(JS_GetRuntime(context), rejected, NULL);
    return JS_UNDEFINED;
}

// setClock(milliseconds since the Unix epoch)
static JSValue set_clock(JSContext *context, JSValueConst self, int count, JSValueConst *arguments) {
    (void)self;
    (void)count;
    int64_t milliseconds;
    if (JS_ToInt64(context, &milliseconds, arguments[0])) return JS_EXCEPTION;
    system_set_time(milliseconds * 1000);
    return JS_UNDEFINED;
}

// seed(BigInt): restarts `Math.random`
static JSValue seed(JSContext *context, JSValueConst self, int count, JSValueConst *arguments) {
    (void)self;
    (void)count;
    int64_t value;
    if (JS_ToBigInt64(context, &value, arguments[0])) return JS_EXCEPTION;
    inside_seed(context, value);
    return JS_UNDEFINED;
}

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_DEF("host", 1, host),
    JS_CFUNC_DEF("ask", 1, ask),
    JS_CFUNC_DEF("parse", 1, parse),
    JS_CFUNC_DEF("stringify", 1, stringify),
    JS_CFUNC_DEF("texts", 1, texts),
    JS_CFUNC_DEF("textsOf", 2, texts_of),
    JS_CFUNC_DEF("changes", 4, changes),
    JS_CFUNC_DEF("expect", 1, expect),
    JS_CFUNC_DEF("compile", 2, compile),
    JS_CFUNC_DEF("load", 1, load),
    JS_CFUNC_DEF("runJobs", 0, run_jobs),
    JS_CFUNC_DEF("onUnhandledRejection", 1, on_unhandled_rejection),
    JS_CFUNC_DEF("setClock", 1, set_clock),
    JS_CFUNC_DEF("seed", 1, seed),
};

int natives_define(JSContext *context) {
    JSValue global = JS_GetGlobalObject(context);
    JSValue native = JS_NewObject(context);
    JS_SetPropertyFunctionList(context, native, functions, sizeof functions / sizeof *functions);
    int defined = JS_SetPropertyStr(context, global, "native", native);
    JS_FreeValue(context, global);
    return defined;
}
