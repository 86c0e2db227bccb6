(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) (import "env" "memory" (memory 1 2)) (memory 1)
  (export "memory" (memory 0)) (global funcref (ref.func $deep)) (data $d "abc")
  (func $deep (result i32 i64 f32 f64 v128 funcref externref) (call $exit (i32.const 1)) unreachable)
  (func (export "execute") (param i32 i32) (result i64) (call $deep) drop drop drop drop drop drop drop
    (memory.init $d (i32.const 0) (i32.const 0) (i32.const 3)) (i64.const 0)))
