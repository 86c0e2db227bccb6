;; Modules that lie to whoever adapts them. Each begins with `;;; name`; most do what the input says, so that one module tells many lies.

;;; packed
;; The answer's length and address are the input.
(memory (export "memory") 1)
(data (i32.const 16) "public")
(func (export "execute") (param $input i32) (param $length i32) (result i64) (i64.load (local.get $input)))

;;; packed-end
;; Nothing, at the very end of memory.
(memory (export "memory") 1)
(func (export "execute") (param i32 i32) (result i64)
  (i64.shl (i64.extend_i32_u (i32.shl (memory.size) (i32.const 16))) (i64.const 32)))

;;; packed-past-the-end
(memory (export "memory") 1)
(func (export "execute") (param i32 i32) (result i64)
  (i64.or (i64.shl (i64.extend_i32_u (i32.shl (memory.size) (i32.const 16))) (i64.const 32)) (i64.const 1)))

;;; packed-everything
;; All memory that there is, but for the first byte.
(memory (export "memory") 1)
(func (export "execute") (param i32 i32) (result i64)
  (i64.or (i64.const 0x100000000) (i64.extend_i32_u (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 1)))))

;;; out-length
;; The input: the address of the answer, its length, and how that is told (0 not at all, 1 as asked, 2 far away).
(memory (export "memory") 1)
(data (i32.const 16) "public")
(func (export "process") (param $input i32) (param $length i32) (param $out i32) (result i32)
  (if (i32.eq (i32.load offset=8 (local.get $input)) (i32.const 1))
    (then (i32.store (local.get $out) (i32.load offset=4 (local.get $input)))))
  (if (i32.eq (i32.load offset=8 (local.get $input)) (i32.const 2))
    (then (i32.store (i32.const -8) (i32.load offset=4 (local.get $input)))))
  (i32.load (local.get $input)))

;;; result-length
;; The input: the address of the answer, its length, and whether to tell it (0) or to trap (1).
(memory (export "memory") 1)
(data (i32.const 16) "public")
(global $input (mut i32) (i32.const 0))
(func (export "run") (param $input i32) (param $length i32) (result i32)
  (global.set $input (local.get $input))
  (i32.load (local.get $input)))
(func (export "result_len") (result i32)
  (if (i32.load offset=8 (global.get $input)) (then unreachable))
  (i32.load offset=4 (global.get $input)))

;;; text
;; The input is an address.
(memory (export "memory") 1)
(data (i32.const 16) "public\00")
(data (i32.const 32) "caf\e9 \ff\00")
(func (export "execute") (param $input i32) (param $length i32) (result i32) (i32.load (local.get $input)))

;;; text-without-an-end
;; All memory from the input on is text.
(memory (export "memory") 1)
(func (export "execute") (param $input i32) (param $length i32) (result i32)
  (memory.fill (local.get $input) (i32.const 97) (i32.sub (i32.shl (memory.size) (i32.const 16)) (local.get $input)))
  (local.get $input))

;;; text-without-an-end-in-all-the-memory-there-is
(memory (export "memory") 1)
(func (export "execute") (param $input i32) (param $length i32) (result i32)
  (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
  (memory.fill (i32.const 1) (i32.const 97) (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 1)))
  (i32.const 1))

;;; c-string
;; The input is an address of eight hexadecimal digits.
(memory (export "memory") 1)
(data (i32.const 16) "public\00")
(func (export "process") (param $input i32) (result i32)
  (local $number i32)
  (local $digit i32)
  (loop $next
    (local.set $digit (i32.load8_u (local.get $input)))
    (if (local.get $digit)
      (then
        (local.set $number
          (i32.or (i32.shl (local.get $number) (i32.const 4))
            (i32.sub (local.get $digit) (select (i32.const 87) (i32.const 48) (i32.gt_u (local.get $digit) (i32.const 57))))))
        (local.set $input (i32.add (local.get $input) (i32.const 1)))
        (br $next))))
  (local.get $number))
(func (export "allocate") (param i32) (result i32) (i32.const 1024))

;;; names-of-others
;; It exports what its glue has, and each of it lies.
(memory (export "memory") 1)
(data (i32.const 16) "public")
(global (export "exit") (mut i32) (i32.const 1))
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const -1))
(func (export "cabi_import_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
(func (export "cabi_export_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
(func (export "cabi_realloc_adapter") (param i32 i32 i32 i32) (result i32) unreachable)
(func (export "cabi_post_spell:runtime/cast@0.1.0#cast") (param i32) unreachable)
(func (export "spell:runtime/cast@0.1.0#cast") (param i32 i32 i32 i32 i32) (result i32) unreachable)
(func (export "execute") (param i32 i32) (result i64) (i64.const 0x1000000006))

;;; memory-is-a-function
(memory 1)
(data (i32.const 16) "public")
(func (export "memory") unreachable)
(func (export "execute") (param i32 i32) (result i64) (i64.const 0x1000000006))

;;; initialize-executes
(memory (export "memory") 1)
(data (i32.const 16) "public")
(func $execute (export "execute") (param i32 i32) (result i64) (i64.const 0x1000000006))
(func (export "_initialize") (drop (call $execute (i32.const -1) (i32.const -1))))

;;; begins-for-ever
;; What begins calls what begins, and so on.
(memory (export "memory") 1)
(func $begin (export "_initialize") (call $begin))
(func (export "execute") (param i32 i32) (result i64) (i64.const 0x1000000006))

;;; script
;; The input: a letter and addresses of eight hexadecimal digits. `r`: answer with this. `a`: abort with this message and this file.
;; `l`: log this. `t`: trace this with so many numbers.
(import "env" "abort" (func $quit (param i32 i32 i32 i32)))
(import "env" "console.log" (func $log (param i32)))
(import "env" "trace" (func $trace (param i32 i32 f64 f64 f64 f64 f64)))
(memory (export "memory") 4)
;; Each is a class, a length, and what begins 8 bytes later.
(data (i32.const 1000) "\02\00\00\00\0c\00\00\00p\00u\00b\00l\00i\00c\00")
(data (i32.const 1100) "\01\00\00\00\04\00\00\00o\00k\00")
(data (i32.const 1200) "\02\00\00\00\ff\ff\ff\7fo\00k\00")
(data (i32.const 1300) "\02\00\00\00\ff\ff\ff\ffo\00k\00")
(data (i32.const 1400) "\02\00\00\00\03\00\00\00o\00k\00")
(data (i32.const 1500) "\02\00\00\00\08\00\00\00\00\d8o\00\00\dc\00\d8")
(data (i32.const 1600) "\02\00\00\00\01\00\00\00o\00")
(data (i32.const 1700) "\02\00\00\00\0c\00\00\00\1b\00[\002\00J\00\0a\00\00\00")
(global $next (mut i32) (i32.const 4096))
(func (export "__new") (param $size i32) (param $class i32) (result i32)
  (local $at i32)
  (local.set $at (i32.add (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)) (i32.const 32)))
  (i32.store (i32.sub (local.get $at) (i32.const 8)) (local.get $class))
  (i32.store (i32.sub (local.get $at) (i32.const 4)) (local.get $size))
  (global.set $next (i32.add (local.get $at) (local.get $size)))
  (local.get $at))
(func (export "__pin") (param i32) (result i32) (local.get 0))
(func $hex (param $at i32) (result i32)
  (local $number i32)
  (local $digit i32)
  (local $end i32)
  (local.set $end (i32.add (local.get $at) (i32.const 16)))
  (loop $next
    (local.set $digit (i32.load16_u (local.get $at)))
    (local.set $number
      (i32.or (i32.shl (local.get $number) (i32.const 4))
        (i32.sub (local.get $digit) (select (i32.const 87) (i32.const 48) (i32.gt_u (local.get $digit) (i32.const 57))))))
    (local.set $at (i32.add (local.get $at) (i32.const 2)))
    (br_if $next (i32.ne (local.get $at) (local.get $end))))
  (local.get $number))
(func (export "execute") (param $text i32) (result i32)
  (local $what i32)
  (local $one i32)
  (local $other i32)
  (local.set $what (i32.load16_u (local.get $text)))
  (local.set $one (call $hex (i32.add (local.get $text) (i32.const 2))))
  (local.set $other (call $hex (i32.add (local.get $text) (i32.const 18))))
  (if (i32.eq (local.get $what) (i32.const 97)) (then (call $quit (local.get $one) (local.get $other) (i32.const -1) (i32.const -1))))
  (if (i32.eq (local.get $what) (i32.const 108)) (then (call $log (local.get $one)) (return (i32.const 1008))))
  (if (i32.eq (local.get $what) (i32.const 116))
    (then
      (call $trace (local.get $one) (local.get $other) (f64.const nan) (f64.const -inf) (f64.const 1e300) (f64.const -0.5) (f64.const 1e-300))
      (return (i32.const 1008))))
  (local.get $one))

;;; plugin
;; The input is a program of steps of 17 bytes: what to do and two numbers. With the bit 0x80, what the step before gave is added to the
;; first number; with the bit 0x40, to the second one.
(import "extism:host/env" "input_length" (func $input_length (result i64)))
(import "extism:host/env" "input_load_u8" (func $input_u8 (param i64) (result i32)))
(import "extism:host/env" "input_load_u64" (func $input_u64 (param i64) (result i64)))
(import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
(import "extism:host/env" "free" (func $free (param i64)))
(import "extism:host/env" "length" (func $length (param i64) (result i64)))
(import "extism:host/env" "load_u8" (func $load_u8 (param i64) (result i32)))
(import "extism:host/env" "load_u64" (func $load_u64 (param i64) (result i64)))
(import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
(import "extism:host/env" "store_u64" (func $store_u64 (param i64 i64)))
(import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
(import "extism:host/env" "error_set" (func $error_set (param i64)))
(import "extism:host/env" "var_get" (func $var_get (param i64) (result i64)))
(import "extism:host/env" "var_set" (func $var_set (param i64 i64)))
(import "extism:host/env" "config_get" (func $config_get (param i64) (result i64)))
(import "extism:host/env" "log_info" (func $log_info (param i64)))
(memory (export "memory") 1)
(func (export "attack") (result i32)
  (local $at i64)
  (local $what i32)
  (local $a i64)
  (local $b i64)
  (local $last i64)
  (block $done
    (loop $next
      (br_if $done (i64.ge_u (local.get $at) (call $input_length)))
      (local.set $what (call $input_u8 (local.get $at)))
      (local.set $a (call $input_u64 (i64.add (local.get $at) (i64.const 1))))
      (local.set $b (call $input_u64 (i64.add (local.get $at) (i64.const 9))))
      (local.set $at (i64.add (local.get $at) (i64.const 17)))
      (if (i32.and (local.get $what) (i32.const 0x80)) (then (local.set $a (i64.add (local.get $a) (local.get $last)))))
      (if (i32.and (local.get $what) (i32.const 0x40)) (then (local.set $b (i64.add (local.get $b) (local.get $last)))))
      (block $other
        (block $store_u64 (block $store_u8 (block $output_set (block $error_set (block $var_set (block $log (block $free (block $code
          (block $alloc (block $length (block $load_u8 (block $load_u64 (block $var_get (block $config_get
            (br_table $alloc $length $load_u8 $load_u64 $var_get $config_get $store_u64 $store_u8 $output_set $error_set $var_set $log $free
              $code $other (i32.and (local.get $what) (i32.const 0x3f))))
            (local.set $last (call $config_get (local.get $a))) (br $next))
            (local.set $last (call $var_get (local.get $a))) (br $next))
            (local.set $last (call $load_u64 (local.get $a))) (br $next))
            (local.set $last (i64.extend_i32_u (call $load_u8 (local.get $a)))) (br $next))
            (local.set $last (call $length (local.get $a))) (br $next))
            (local.set $last (call $alloc (local.get $a))) (br $next))
          (return (i32.wrap_i64 (local.get $a))))
          (call $free (local.get $a)) (br $next))
          (call $log_info (local.get $a)) (br $next))
          (call $var_set (local.get $a) (local.get $b)) (br $next))
          (call $error_set (local.get $a)) (br $next))
          (call $output_set (local.get $a) (local.get $b)) (br $next))
          (call $store_u8 (local.get $a) (i32.wrap_i64 (local.get $b))) (br $next))
          (call $store_u64 (local.get $a) (local.get $b)) (br $next))
      (unreachable)))
  (i32.const 0))

;;; plugin-requests
;; The input: the blocks of a request and of its body.
(import "extism:host/env" "input_load_u64" (func $input_u64 (param i64) (result i64)))
(import "extism:host/env" "http_request" (func $request (param i64 i64) (result i64)))
(memory (export "memory") 1)
(func (export "attack") (result i32)
  (drop (call $request (call $input_u64 (i64.const 0)) (call $input_u64 (i64.const 8))))
  (i32.const 0))

;;; program
;; The input: a file, an address of parts, their number, and where to say what was written; then, at 1040, the parts.
(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
(memory (export "memory") 1)
(data (i32.const 16) "public")
(data (i32.const 512) "\00\04\00\00\00\02\00\00")
(func (export "_start")
  (drop (call $read (i32.const 0) (i32.const 512) (i32.const 1) (i32.const 520)))
  (if (i32.eq (i32.load (i32.const 1024)) (i32.const 99)) (then (call $exit (i32.load (i32.const 1028)))))
  (drop (call $write (i32.load (i32.const 1024)) (i32.load (i32.const 1028)) (i32.load (i32.const 1032)) (i32.load (i32.const 1036)))))

;;; program-without-end
(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
(memory (export "memory") 17)
(data (i32.const 16) "\00\00\01\00\00\00\10\00")
(func (export "_start") (loop $more (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8))) (br $more)))

;;; program-reads-anywhere
(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
(memory (export "memory") 1)
(data (i32.const 16) "\f0\ff\ff\ff\ff\ff\ff\ff")
(func (export "_start") (drop (call $read (i32.const 0) (i32.const 16) (i32.const -1) (i32.const 8))))

;;; program-fails
;; It complains with its input, and ends with the code 1.
(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
(memory (export "memory") 1)
(data (i32.const 512) "\00\04\00\00\00\10\00\00")
(func (export "_start")
  (drop (call $read (i32.const 0) (i32.const 512) (i32.const 1) (i32.const 516)))
  (drop (call $write (i32.const 2) (i32.const 512) (i32.const 1) (i32.const 8)))
  (call $exit (i32.const 1)))
