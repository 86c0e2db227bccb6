;; A program: it reads its input, writes its answer, and ends with a code.
(global $input (mut i32) (i32.const 0))
(global $input_end (mut i32) (i32.const 0))
(global $output (mut i32) (i32.const 0))
(global $output_length (mut i32) (i32.const 0))
(global $output_room (mut i32) (i32.const 0))

(func $cast (param $input i32) (param $length i32) (result i32)
  (global.set $input (local.get $input))
  (global.set $input_end (i32.add (local.get $input) (local.get $length)))
  (call $ended (call $run_program)))

(func $ended (param $code i32) (result i32)
  (if (local.get $code) (then (return (call $say_error (call $say_number (call $fail_exited) (local.get $code))))))
  (call $answer (global.get $output) (global.get $output_length)))
