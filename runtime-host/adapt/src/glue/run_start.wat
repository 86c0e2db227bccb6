(func $run_program (result i32)
  (call $entry)
  (i32.const 0))
