;; Behaves: logs what it is shown, in this order: the access token's claims, the ID token's, the user's
;; metadata and the tenant's, every scope, every shared name and value, and the configuration's `colour`.
(module
  (import "claimsmith:rules/log@1.0.0" "write" (func $log (param i32 i32 i32)))
  (import "claimsmith:rules/configuration@1.0.0" "get" (func $get (param i32 i32 i32)))
  (memory (export "memory") 4)
  (global $next (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    ;; Aligned to eight, which is enough for everything; nothing is ever freed.
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (data (i32.const 2048) "colour")
  (data (i32.const 2064) "(none)")
  ;; Logs the string whose pointer and length are at $at.
  (func $show (param $at i32)
    (call $log (i32.const 1) (i32.load (local.get $at)) (i32.load offset=4 (local.get $at))))
  ;; Logs every string of the list whose pointer and length are at $at, $each strings to an element.
  (func $show-all (param $at i32) (param $each i32)
    (local $i i32)
    (local $n i32)
    (local.set $n (i32.mul (i32.load offset=4 (local.get $at)) (local.get $each)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (call $show (i32.add (i32.load (local.get $at)) (i32.mul (local.get $i) (i32.const 8))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next))))
  (func (export "decide") (param $exchange i32) (result i32)
    (call $show (i32.add (local.get $exchange) (i32.const 272)))
    (call $show (i32.add (local.get $exchange) (i32.const 280)))
    (if (i32.load8_u offset=56 (local.get $exchange)) (then
      (call $show (i32.add (local.get $exchange) (i32.const 116)))
      (call $show (i32.add (local.get $exchange) (i32.const 124)))))
    (call $show-all (i32.add (local.get $exchange) (i32.const 264)) (i32.const 1))
    (call $show-all (i32.add (local.get $exchange) (i32.const 288)) (i32.const 2))
    (call $get (i32.const 2048) (i32.const 6) (i32.const 3072))
    (if (i32.load8_u (i32.const 3072))
      (then (call $show (i32.const 3076)))
      (else (call $log (i32.const 1) (i32.const 2064) (i32.const 6))))
    (i32.const 1024))
)
