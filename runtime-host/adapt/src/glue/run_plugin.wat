(func $run_plugin (result i32)
  (call $entry))
