;; `execute(address, length) -> text`: the answer ends with a zero.
(func $cast (param $input i32) (param $length i32) (result i32)
  (local.set $input (call $give (local.get $input) (local.get $length)))
  (if (global.get $exit) (then (return (i32.const 0))))
  (call $answer_text (call $entry (local.get $input) (local.get $length))))
