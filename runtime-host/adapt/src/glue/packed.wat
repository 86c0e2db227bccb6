;; `execute(address, length) -> address << 32 | length`.
(func $cast (param $input i32) (param $length i32) (result i32)
  (local $packed i64)
  (local.set $input (call $give (local.get $input) (local.get $length)))
  (if (global.get $exit) (then (return (i32.const 0))))
  (local.set $packed (call $entry (local.get $input) (local.get $length)))
  (call $answer_bytes (i32.wrap_i64 (i64.shr_u (local.get $packed) (i64.const 32))) (i32.wrap_i64 (local.get $packed))))
