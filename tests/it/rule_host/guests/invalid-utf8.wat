;; Returns `add-scope` with a scope that is not UTF-8.
(module
  (memory (export "memory") 4)
  (global $next (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    ;; Aligned to eight, which is enough for everything; nothing is ever freed.
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (data (i32.const 1028) "\00\08\00\00\01\00\00\00")
  (data (i32.const 2048) "\04\00\00\00\00\09\00\00\02\00\00\00") ;; add-scope, two bytes at 2304
  (data (i32.const 2304) "\ff\fe")
  (func (export "decide") (param $exchange i32) (result i32)

    (i32.const 1024))
)
