(module (import "wasi_snapshot_preview1" "random_get" (func (result f32))) (memory (export "memory") 1)
  (func (export "execute") (param i32 i32) (result i64) (i64.const 0)))
