;; Asks for a gigabyte of random bytes.
(module
  (import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))
  (memory (export "memory") 4)
  (global $next (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    ;; Aligned to eight, which is enough for everything; nothing is ever freed.
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func (export "decide") (param $exchange i32) (result i32)
    (call $random (i64.const 1073741824) (i32.const 3072))
    (i32.const 1024))
)
