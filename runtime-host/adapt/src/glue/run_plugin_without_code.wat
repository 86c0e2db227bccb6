(func $run_plugin (result i32)
  (call $entry)
  (i32.const 0))
