;; `abort(message, file, line, column)`: the message is the failure's, with its place in the source behind it.
(func (export "exit env abort") (param $message i32) (param $file i32) (param $line i32) (param $column i32)
  (local $failure i32)
  (local $place i32)
  (local $at i32)
  (local.set $failure (call $fail_aborted))
  (if (call $is_string (local.get $message))
    (then
      (i32.store $ours offset=12 (local.get $failure) (call $utf_8 (local.get $message)))
      (i32.store $ours offset=16 (local.get $failure) (global.get $utf_8_length))))
  (if (call $is_string (local.get $file))
    (then
      (local.set $at (call $utf_8 (local.get $file)))
      (local.set $place (call $take (i32.add (global.get $utf_8_length) (i32.const 32))))
      (i32.store16 $ours (local.get $place) (i32.const 0x2820))
      (memory.copy $ours $ours (i32.add (local.get $place) (i32.const 2)) (local.get $at) (global.get $utf_8_length))
      (local.set $at (i32.add (local.get $place) (i32.add (global.get $utf_8_length) (i32.const 2))))
      (local.set $at (call $write_after_colon (local.get $at) (local.get $line)))
      (local.set $at (call $write_after_colon (local.get $at) (local.get $column)))
      (i32.store8 $ours (local.get $at) (i32.const 0x29))
      (local.set $failure
        (call $say_more (local.get $failure) (local.get $place)
          (i32.sub (i32.add (local.get $at) (i32.const 1)) (local.get $place))))))
  (call $leave (local.get $failure)))

(func $write_after_colon (param $at i32) (param $number i32) (result i32)
  (i32.store8 $ours (local.get $at) (i32.const 0x3a))
  (call $write_decimal (i32.add (local.get $at) (i32.const 1)) (i64.extend_i32_u (local.get $number))))
