;; Writes a number without a sign and says where it ends.
(func $write_decimal (param $at i32) (param $number i64) (result i32)
  (if (i64.ge_u (local.get $number) (i64.const 10))
    (then (local.set $at (call $write_decimal (local.get $at) (i64.div_u (local.get $number) (i64.const 10))))))
  (i32.store8 $ours (local.get $at) (i32.add (i32.wrap_i64 (i64.rem_u (local.get $number) (i64.const 10))) (i32.const 0x30)))
  (i32.add (local.get $at) (i32.const 1)))

;; A failure with a number behind its words.
(func $say_number (param $failure i32) (param $number i32) (result i32)
  (local $digits i32)
  (local.set $digits (call $take (i32.const 20)))
  (call $say_more (local.get $failure) (local.get $digits)
    (i32.sub (call $write_decimal (local.get $digits) (i64.extend_i32_u (local.get $number))) (local.get $digits))))
