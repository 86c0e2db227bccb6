;; What a plugin keeps from one call of it to the next, as long as its instance lives: a list of pairs of blocks, each in a block of 24
;; bytes (the next, the key, the value), all of them together at most a megabyte.
(global $variables (mut i64) (i64.const 0))
(global $variables_bytes (mut i64) (i64.const 0))

;; The pair of a key, or 0.
(func $pair (param $key i64) (result i64)
  (local $pair i64)
  (local.set $pair (global.get $variables))
  (block $found
    (loop $next
      (br_if $found (i64.eqz (local.get $pair)))
      (br_if $found (call $same (call $load_u64 (i64.add (local.get $pair) (i64.const 8))) (local.get $key)))
      (local.set $pair (call $load_u64 (local.get $pair)))
      (br $next)))
  (local.get $pair))

(func (export "import extism:host/env var_get") (param $key i64) (result i64)
  (local $pair i64)
  (local.set $pair (call $pair (local.get $key)))
  (call $free (local.get $key))
  (if (i64.eqz (local.get $pair)) (then (return (i64.const 0))))
  (call $copy (call $load_u64 (i64.add (local.get $pair) (i64.const 16)))))

(func (export "exit extism:host/env var_set") (param $key i64) (param $value i64)
  (local $pair i64)
  (local $had i64)
  (local.set $pair (call $pair (local.get $key)))
  (if (i64.ne (local.get $pair) (i64.const 0))
    (then (local.set $had (call $load_u64 (i64.add (local.get $pair) (i64.const 16))))))
  (global.set $variables_bytes
    (i64.sub (i64.add (global.get $variables_bytes) (call $length (local.get $value))) (call $length (local.get $had))))
  (if (i64.gt_u (global.get $variables_bytes) (i64.const 1048576))
    (then
      (call $leave (call $fail_variables_full))
      (return)))
  (call $free (local.get $had))
  (if (i64.eqz (local.get $pair))
    (then
      (local.set $pair (call $alloc (i64.const 24)))
      (if (i64.eqz (local.get $pair)) (then (unreachable)))
      (i64.store $kernel (i32.wrap_i64 (local.get $pair)) (global.get $variables))
      (i64.store $kernel offset=8 (i32.wrap_i64 (local.get $pair)) (call $copy (local.get $key)))
      (global.set $variables (local.get $pair))))
  (i64.store $kernel offset=16 (i32.wrap_i64 (local.get $pair)) (call $copy (local.get $value)))
  (call $free (local.get $key))
  (call $free (local.get $value)))
