;; Core modules that trap, once for each way there is. Each begins with `;;; name`; the shells make components of them.

;;; unreachable
(memory (export "memory") 1)
(func $attack unreachable)

;;; division-by-zero
(memory (export "memory") 1)
(func $attack (drop (i32.div_u (i32.const 1) (i32.const 0))))

;;; remainder-by-zero
(memory (export "memory") 1)
(func $attack (drop (i64.rem_s (i64.const 1) (i64.const 0))))

;;; division-overflow
(memory (export "memory") 1)
(func $attack (drop (i32.div_s (i32.const 0x80000000) (i32.const -1))))

;;; conversion-of-nan
(memory (export "memory") 1)
(func $attack (drop (i32.trunc_f64_s (f64.const nan))))

;;; conversion-overflow
(memory (export "memory") 1)
(func $attack (drop (i64.trunc_f64_s (f64.const 1e300))))

;;; load-out-of-bounds
(memory (export "memory") 1)
(func $attack (drop (i32.load (i32.const -1))))

;;; load-with-a-wide-offset
(memory (export "memory") 1)
(func $attack (drop (i64.load offset=4294967295 (i32.const -1))))

;;; store-out-of-bounds
(memory (export "memory") 1)
(func $attack (i64.store (i32.const 65530) (i64.const 1)))

;;; fill-out-of-bounds
(memory (export "memory") 1)
(func $attack (memory.fill (i32.const 65535) (i32.const 1) (i32.const 2)))

;;; copy-out-of-bounds
(memory (export "memory") 1)
(func $attack (memory.copy (i32.const 0) (i32.const 1) (i32.const -1)))

;;; init-out-of-bounds
(memory (export "memory") 1)
(data $data "abc")
(func $attack (memory.init $data (i32.const 0) (i32.const 2) (i32.const 2)))

;;; init-of-dropped-data
(memory (export "memory") 1)
(data $data "abc")
(func $attack (data.drop $data) (memory.init $data (i32.const 0) (i32.const 0) (i32.const 1)))

;;; table-out-of-bounds
(memory (export "memory") 1)
(table 1 funcref)
(func $attack (drop (table.get 0 (i32.const 1))))

;;; table-set-out-of-bounds
(memory (export "memory") 1)
(table 1 funcref)
(func $attack (table.set 0 (i32.const -1) (ref.null func)))

;;; call-out-of-bounds
(memory (export "memory") 1)
(type $nothing (func))
(table 1 funcref)
(func $attack (call_indirect (type $nothing) (i32.const 1)))

;;; call-of-null
(memory (export "memory") 1)
(type $nothing (func))
(table 1 funcref)
(func $attack (call_indirect (type $nothing) (i32.const 0)))

;;; call-of-another-type
(memory (export "memory") 1)
(type $number (func (result i32)))
(table 1 funcref)
(elem (i32.const 0) $attack)
(func $attack (drop (call_indirect (type $number) (i32.const 0))))

;;; data-out-of-bounds-at-start
(memory (export "memory") 1)
(data (i32.const 65535) "abc")
(func $attack)

;;; elements-out-of-bounds-at-start
(memory (export "memory") 1)
(table 1 funcref)
(elem (i32.const 1) $attack)
(func $attack)

;;; trap-in-start
(memory (export "memory") 1)
(func $attack)
(func $begin unreachable)
(start $begin)
