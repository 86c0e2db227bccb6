;; A string as a line of the log; what is none is said to be null.
(func $say_string (param $text i32)
  (local $line i32)
  (local $null i32)
  (if (i32.eqz (call $is_string (local.get $text)))
    (then
      (local.set $null (call $take (i32.const 8)))
      (i64.store $ours (local.get $null) (i64.const 0x0a6c6c756e))
      (call $say (local.get $null) (i32.const 5))
      (return)))
  (local.set $line (call $utf_8 (local.get $text)))
  (call $say_line (local.get $line) (global.get $utf_8_length)))

;; Bytes and the end of a line.
(func $say_line (param $at i32) (param $length i32)
  (local $line i32)
  (local.set $line (call $take (i32.add (local.get $length) (i32.const 1))))
  (memory.copy $ours $ours (local.get $line) (local.get $at) (local.get $length))
  (i32.store8 $ours (i32.add (local.get $line) (local.get $length)) (i32.const 10))
  (call $say (local.get $line) (i32.add (local.get $length) (i32.const 1))))
