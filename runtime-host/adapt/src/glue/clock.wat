(import "wasi_snapshot_preview1" "clock_time_get" (func $wasi_clock_time_get (param i32 i64 i32) (result i32)))

;; What a clock shows, in milliseconds: 0 is that of the day, 1 one that never goes back.
(func $clock_ms (param $clock i32) (result f64)
  (local $at i32)
  (local.set $at (call $take (i32.const 8)))
  (drop (call $wasi_clock_time_get (local.get $clock) (i64.const 0) (local.get $at)))
  (f64.div (f64.convert_i64_u (i64.load $ours (local.get $at))) (f64.const 1000000)))
