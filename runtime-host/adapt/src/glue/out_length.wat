;; `process(address, length, address of the answer's length) -> address`.
(func $cast (param $input i32) (param $length i32) (result i32)
  (local $cell i32)
  (local $at i32)
  (local.set $input (call $give (local.get $input) (local.get $length)))
  (if (global.get $exit) (then (return (i32.const 0))))
  (local.set $cell (call $place (i32.const 4)))
  ;; A guest that was left while it was asked for that place is not called again.
  (if (global.get $exit) (then (return (i32.const 0))))
  (i32.store $guest (local.get $cell) (i32.const 0))
  (local.set $at (call $entry (local.get $input) (local.get $length) (local.get $cell)))
  (if (i32.eqz (local.get $at)) (then (return (call $fail_no_answer))))
  (call $answer_bytes (local.get $at) (i32.load $guest (local.get $cell))))
