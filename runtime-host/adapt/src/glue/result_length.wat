;; `run(address, length) -> address`, and `result_len() -> length` after it.
(func $cast (param $input i32) (param $length i32) (result i32)
  (local $at i32)
  (local.set $input (call $give (local.get $input) (local.get $length)))
  (if (global.get $exit) (then (return (i32.const 0))))
  (local.set $at (call $entry (local.get $input) (local.get $length)))
  ;; A guest that was left is not called again.
  (if (global.get $exit) (then (return (i32.const 0))))
  (call $answer_bytes (local.get $at) (call $result_length)))
