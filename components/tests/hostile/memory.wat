;; Core modules that take memory and tables. Each begins with `;;; name`; the shells make components of them.

;;; grow-page-by-page-then-loop
(memory (export "memory") 1)
(func $attack
  (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
  (loop (br 0)))

;;; grow-and-touch-then-trap
(memory (export "memory") 1)
(func $attack (local $page i32)
  (loop $more
    (local.set $page (memory.grow (i32.const 1)))
    (if (i32.eq (local.get $page) (i32.const -1)) (then unreachable))
    (i32.store (i32.mul (local.get $page) (i32.const 65536)) (i32.const 1))
    (br $more)))

;;; begin-with-4-GiB
(memory (export "memory") 65536 65536)
(func $attack)

;;; begin-with-1-GiB
(memory (export "memory") 16384)
(func $attack)

;;; sixteen-memories
(memory (export "memory") 512)
(memory 512) (memory 512) (memory 512) (memory 512) (memory 512) (memory 512) (memory 512) (memory 512)
(memory 512) (memory 512) (memory 512) (memory 512) (memory 512) (memory 512) (memory 512)
(func $attack)

;;; table-of-more-than-its-part
(memory (export "memory") 1)
(table 60000 funcref)
(table 60000 funcref)
(func $attack)

;;; grow-a-table-without-end-then-loop
(memory (export "memory") 1)
(table 1 funcref)
(func $attack
  (loop $more (br_if $more (i32.ne (table.grow 0 (ref.null func) (i32.const 1000)) (i32.const -1))))
  (loop (br 0)))

;;; grow-a-table-by-everything-then-trap
(memory (export "memory") 1)
(table 1 funcref)
(func $attack
  (if (i32.ne (table.grow 0 (ref.null func) (i32.const -1)) (i32.const -1)) (then (loop (br 0))))
  unreachable)

;;; grow-memory-by-everything-then-trap
(memory (export "memory") 1)
(func $attack
  (if (i32.ne (memory.grow (i32.const 65536)) (i32.const -1)) (then (loop (br 0))))
  unreachable)
