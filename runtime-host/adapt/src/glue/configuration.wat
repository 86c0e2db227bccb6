(import "wasi_snapshot_preview1" "environ_sizes_get" (func $wasi_environ_sizes_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "environ_get" (func $wasi_environ_get (param i32 i32) (result i32)))

;; A plugin's configuration is its environment: the variable that has the key as its name.
(func (export "import extism:host/env config_get") (param $key i64) (result i64)
  (local $sizes i32)
  (local $entries i32)
  (local $left i32)
  (local $value i64)
  (local.set $sizes (call $take (i32.const 8)))
  (drop (call $wasi_environ_sizes_get (local.get $sizes) (i32.add (local.get $sizes) (i32.const 4))))
  (local.set $left (i32.load $ours (local.get $sizes)))
  (local.set $entries (call $take (i32.mul (local.get $left) (i32.const 4))))
  (drop (call $wasi_environ_get (local.get $entries) (call $take (i32.add (i32.load $ours offset=4 (local.get $sizes)) (i32.const 8)))))
  (block $found
    (loop $next
      (br_if $found (i32.eqz (local.get $left)))
      (local.set $value (call $value_of (local.get $key) (i32.load $ours (local.get $entries))))
      (br_if $found (i64.ne (local.get $value) (i64.const 0)))
      (local.set $entries (i32.add (local.get $entries) (i32.const 4)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br $next)))
  (call $free (local.get $key))
  (local.get $value))

;; A block with the value of a `NAME=VALUE` that ends with a zero, if the name is this; else 0.
(func $value_of (param $key i64) (param $entry i32) (result i64)
  (local $at i64)
  (block $differs
    (loop $next
      (br_if $differs (i64.eq (local.get $at) (call $length (local.get $key))))
      (if (i32.ne (i32.load8_u $ours (local.get $entry)) (call $load_u8 (i64.add (local.get $key) (local.get $at)))) (then (return (i64.const 0))))
      (local.set $at (i64.add (local.get $at) (i64.const 1)))
      (local.set $entry (i32.add (local.get $entry) (i32.const 1)))
      (br $next)))
  (if (i32.ne (i32.load8_u $ours (local.get $entry)) (i32.const 0x3d)) (then (return (i64.const 0))))
  (local.set $entry (i32.add (local.get $entry) (i32.const 1)))
  (call $block_of (local.get $entry)
    (i32.sub (call $zero_from (local.get $entry) (call $memory_end)) (local.get $entry))))
