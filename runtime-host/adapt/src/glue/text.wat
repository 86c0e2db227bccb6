;; What the guest answers with: the address of a text that ends with a zero.
(func $answer_text (param $at i32) (result i32)
  (local $end i32)
  (if (i32.eqz (local.get $at)) (then (return (call $fail_no_answer))))
  (if (i32.ge_u (local.get $at) (call $memory_end)) (then (return (call $fail_answer_outside))))
  (local.set $end (call $zero_from (local.get $at) (call $memory_end)))
  (if (i32.eq (local.get $end) (call $memory_end)) (then (return (call $fail_endless_answer))))
  (call $answer_of_guest (local.get $at) (i32.sub (local.get $end) (local.get $at))))
