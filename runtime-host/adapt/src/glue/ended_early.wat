(func $ended (param $code i32) (result i32)
  (call $say_number (call $fail_ended_early) (local.get $code)))
