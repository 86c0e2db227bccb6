;; Core modules that take stack. Each begins with `;;; name`; the shells make components of them.

;;; recursion
(memory (export "memory") 1)
(func $attack (call $attack))

;;; recursion-through-a-table
(memory (export "memory") 1)
(type $nothing (func))
(table 1 funcref)
(elem (i32.const 0) $attack)
(func $attack (call_indirect (type $nothing) (i32.const 0)))

;;; recursion-in-start
(memory (export "memory") 1)
(func $attack)
(func $begin (call $begin))
(start $begin)

;;; recursion-with-wide-frames
(memory (export "memory") 1)
(func $attack (drop (call $wide (v128.const i64x2 1 2) (v128.const i64x2 1 2) (v128.const i64x2 1 2) (v128.const i64x2 1 2))))
(func $wide (param v128 v128 v128 v128) (result v128)
  (i64x2.add
    (i64x2.add (call $wide (local.get 3) (local.get 2) (local.get 1) (local.get 0)) (i64x2.mul (local.get 0) (local.get 1)))
    (i64x2.add (local.get 2) (local.get 3))))
