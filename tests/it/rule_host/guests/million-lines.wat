;; Logs a million lines.
(module
  (import "claimsmith:rules/log@1.0.0" "write" (func $log (param i32 i32 i32)))
  (memory (export "memory") 4)
  (global $next (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    ;; Aligned to eight, which is enough for everything; nothing is ever freed.
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (data (i32.const 2048) "again")
  (func (export "decide") (param $exchange i32) (result i32)
    (local $i i32)
    (loop $next
      (call $log (i32.const 1) (i32.const 2048) (i32.const 5))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 1000000))))
    (i32.const 1024))
)
