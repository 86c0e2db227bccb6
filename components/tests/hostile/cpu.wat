;; Core modules that take time. Each begins with `;;; name`; the shells make components of them.

;;; loop
(memory (export "memory") 1)
(func $attack (loop (br 0)))

;;; loop-in-start
(memory (export "memory") 1)
(func $attack)
(func $begin (loop (br 0)))
(start $begin)

;;; memory-fill
(memory (export "memory") 1024)
(func $attack (loop (memory.fill (i32.const 0) (i32.const 7) (i32.const 67108864)) (br 0)))

;;; memory-copy
(memory (export "memory") 1024)
(func $attack (loop (memory.copy (i32.const 1) (i32.const 0) (i32.const 67108863)) (br 0)))

;;; table-fill
(memory (export "memory") 1)
(table $table 100000 funcref)
(func $attack (loop (table.fill $table (i32.const 0) (ref.null func) (i32.const 100000)) (br 0)))

;;; table-copy
(memory (export "memory") 1)
(table $table 100000 funcref)
(func $attack (loop (table.copy $table $table (i32.const 1) (i32.const 0) (i32.const 99999)) (br 0)))

;;; memory-grow-by-nothing
(memory (export "memory") 1)
(func $attack (loop (drop (memory.grow (i32.const 0))) (br 0)))

;;; memory-grow-that-fails
(memory (export "memory") 1)
(func $attack (loop (drop (memory.grow (i32.const 65535))) (br 0)))

;;; calls
(memory (export "memory") 1)
(func $attack (loop (call $nothing) (br 0)))
(func $nothing)

;;; mutual-recursion-that-returns
(memory (export "memory") 1)
(func $attack (loop (drop (call $down (i32.const 1000))) (br 0)))
(func $down (param i32) (result i32)
  (if (result i32) (local.get 0)
    (then (call $down (i32.sub (local.get 0) (i32.const 1))))
    (else (i32.const 0))))

;;; division
(memory (export "memory") 1)
(func $attack (local i64) (loop (local.set 0 (i64.div_u (i64.const -1) (i64.const 3))) (br 0)))

;;; branch-table
(memory (export "memory") 1)
(func $attack (local i32) (loop $again (block (block (block (br_table 0 1 2 (local.get 0)))) (br $again)) (br $again)))

;;; simd
(memory (export "memory") 1)
(func $attack (local v128) (loop (local.set 0 (i64x2.mul (local.get 0) (v128.const i64x2 3 5))) (br 0)))

;;; fill-of-a-constant-length-in-a-loop
(memory (export "memory") 1)
(func $attack (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br 0)))
