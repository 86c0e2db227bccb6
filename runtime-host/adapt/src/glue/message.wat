;; Gives a failure these words of the guest's, which lie in our memory. If they are no UTF-8, only what is ASCII of them is told.
(func $with_message (param $failure i32) (param $at i32) (param $length i32) (result i32)
  (i32.store $ours offset=12 (local.get $failure) (local.get $at))
  (i32.store $ours offset=16 (local.get $failure) (local.get $length))
  (if (i32.ne (call $units_of (local.get $at) (local.get $length)) (i32.const -1)) (then (return (local.get $failure))))
  (block $done
    (loop $next
      (br_if $done (i32.eqz (local.get $length)))
      (if (i32.ge_u (i32.load8_u $ours (local.get $at)) (i32.const 0x80))
        (then (i32.store8 $ours (local.get $at) (i32.const 0x3f))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $length (i32.sub (local.get $length) (i32.const 1)))
      (br $next)))
  (local.get $failure))
