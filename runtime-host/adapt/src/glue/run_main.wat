(func $run_program (result i32)
  (call $entry))
