;; Returns `replace-scopes` with 20,000 scopes, every one the same 32 KiB of memory: 640 MB, were the host
;; to copy each.
(module
  (memory (export "memory") 16)
  (global $next (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    ;; Aligned to eight, which is enough for everything; nothing is ever freed.
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (data (i32.const 1028) "\00\08\00\00\01\00\00\00") ;; one effect, at 2048
  (data (i32.const 2048) "\06\00\00\00\00\00\02\00\20\4e\00\00") ;; replace-scopes, 20,000 of them at 131072
  (func (export "decide") (param $exchange i32) (result i32)
    (local $i i32)
    (memory.fill (i32.const 4096) (i32.const 97) (i32.const 32768))
    (loop $next
      (i32.store (i32.add (i32.const 131072) (i32.mul (local.get $i) (i32.const 8))) (i32.const 4096))
      (i32.store (i32.add (i32.const 131076) (i32.mul (local.get $i) (i32.const 8))) (i32.const 32768))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 20000))))
    (i32.const 1024))
)
