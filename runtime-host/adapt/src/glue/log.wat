;; What a plugin logs from `info` on, as a line of the log.
(func (export "import extism:host/env get_log_level") (result i32)
  (i32.const 2))

(func (export "import extism:host/env log_trace") (param $block i64) (call $free (local.get $block)))
(func (export "import extism:host/env log_debug") (param $block i64) (call $free (local.get $block)))
(func (export "import extism:host/env log_info") (param $block i64) (call $log (local.get $block)))
(func (export "import extism:host/env log_warn") (param $block i64) (call $log (local.get $block)))
(func (export "import extism:host/env log_error") (param $block i64) (call $log (local.get $block)))

(func $log (param $block i64)
  (local $line i32)
  (local $length i32)
  (local.set $length (i32.wrap_i64 (call $length (local.get $block))))
  (local.set $line (call $take (i32.add (local.get $length) (i32.const 1))))
  (memory.copy $ours $kernel (local.get $line) (i32.wrap_i64 (local.get $block)) (local.get $length))
  (i32.store8 $ours (i32.add (local.get $line) (local.get $length)) (i32.const 10))
  (call $say (local.get $line) (i32.add (local.get $length) (i32.const 1)))
  (call $free (local.get $block)))
