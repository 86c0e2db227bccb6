(import "spell:runtime/extism-http@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32)))

;; Requests that a plugin makes: the last answer's status and headers are asked for after it.
(global $status (mut i32) (i32.const 0))
(global $headers (mut i64) (i64.const 0))

(func (export "exit extism:host/env http_request") (param $request i64) (param $body i64) (result i64)
  (local $answer i32)
  (local $failure i32)
  (local.set $answer (call $take (i32.const 24)))
  (call $send
    (call $out_of_kernel (local.get $request) (call $length (local.get $request)))
    (i32.wrap_i64 (call $length (local.get $request)))
    (i64.ne (local.get $body) (i64.const 0))
    (call $out_of_kernel (local.get $body) (call $length (local.get $body)))
    (i32.wrap_i64 (call $length (local.get $body)))
    (local.get $answer))
  (call $free (local.get $request))
  (call $free (local.get $body))
  (global.set $status (i32.const 0))
  (global.set $headers (i64.const 0))
  (if (i32.load8_u $ours (local.get $answer))
    (then
      (local.set $failure (call $fail_plugin))
      (i64.store $ours offset=12 align=4 (local.get $failure) (i64.load $ours offset=4 align=4 (local.get $answer)))
      (call $leave (local.get $failure))
      (return (i64.const 0))))
  (global.set $status (i32.load16_u $ours offset=4 (local.get $answer)))
  (global.set $headers (call $block_of (i32.load $ours offset=8 (local.get $answer)) (i32.load $ours offset=12 (local.get $answer))))
  (call $block_of (i32.load $ours offset=16 (local.get $answer)) (i32.load $ours offset=20 (local.get $answer))))

(func (export "import extism:host/env http_status_code") (result i32)
  (global.get $status))

(func (export "import extism:host/env http_headers") (result i64)
  (global.get $headers))
