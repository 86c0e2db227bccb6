(module (import "env" "\1b[2J\0a" (func)) (memory (export "memory") 1) (func (export "\1b[2J\0a"))
  (func (export "execute") (param i32 i32) (result i64) (i64.const 0)))
