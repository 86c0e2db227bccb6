;; `process(text) -> text`: both are addresses of bytes that end with a zero.
(func $cast (param $input i32) (param $length i32) (result i32)
  (local $end i32)
  (local.set $input (call $give (local.get $input) (local.get $length)))
  (if (global.get $exit) (then (return (i32.const 0))))
  (local.set $end (i32.add (local.get $input) (local.get $length)))
  (if (i32.ne (call $zero_from (local.get $input) (local.get $end)) (local.get $end)) (then (return (call $fail_zero_in_input))))
  (i32.store8 $guest (local.get $end) (i32.const 0))
  (call $answer_text (call $entry (local.get $input))))
