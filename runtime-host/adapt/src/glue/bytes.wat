;; What the guest answers with: an address and a length. Nothing can be anywhere.
(func $answer_bytes (param $at i32) (param $length i32) (result i32)
  (if (i32.and (i32.eqz (local.get $at)) (i32.ne (local.get $length) (i32.const 0))) (then (return (call $fail_no_answer))))
  (if (i32.eqz (call $is_within (local.get $at) (local.get $length))) (then (return (call $fail_answer_outside))))
  (call $answer_of_guest (local.get $at) (local.get $length)))
