;; Asks for a page on the network, and logs `refused` if the host is not allowed.
(module
  (import "claimsmith:rules/log@1.0.0" "write" (func $log (param i32 i32 i32)))
  (import "claimsmith:rules/fetch@1.0.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (memory (export "memory") 4)
  (global $next (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    ;; Aligned to eight, which is enough for everything; nothing is ever freed.
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (data (i32.const 2048) "GET")
  (data (i32.const 2064) "https://example.com/")
  (data (i32.const 2096) "refused")
  (func (export "decide") (param $exchange i32) (result i32)
    (call $send (i32.const 2048) (i32.const 3) (i32.const 2064) (i32.const 20)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 3072))
    ;; `err` (1), and the first case of the error (0).
    (if (i32.and
          (i32.eq (i32.load8_u (i32.const 3072)) (i32.const 1))
          (i32.eqz (i32.load8_u (i32.const 3076))))
      (then (call $log (i32.const 1) (i32.const 2096) (i32.const 7))))
    (i32.const 1024))
)
