;; Fills and copies all of its memory over and over, so that interruptions fall into bulk operations
;; (GHSA-2hw9-mc66-jc2q).
(module
  (memory (export "memory") 250)
  (global $next (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    ;; Aligned to eight, which is enough for everything; nothing is ever freed.
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func (export "decide") (param $exchange i32) (result i32)
    (loop $again
      (memory.fill (i32.const 65536) (i32.const 7) (i32.const 16000000))
      (memory.copy (i32.const 131072) (i32.const 65536) (i32.const 16000000))
      (br $again))
    (i32.const 1024))
)
