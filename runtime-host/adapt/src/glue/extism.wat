;; An Extism plugin, with the kernel that it imports. What plugin and kernel exchange is in a memory of the kernel's own.
(memory $kernel 1)

(global $input (mut i64) (i64.const 0))
(global $output (mut i64) (i64.const 0))
(global $output_length (mut i64) (i64.const 0))
(global $error (mut i64) (i64.const 0))
;; Where nothing is yet, and the first of what was freed. A block has 8 bytes before it: how much room it has, and how long it is.
(global $kernel_next (mut i32) (i32.const 8))
(global $free_first (mut i32) (i32.const 0))

(func $cast (param $input i32) (param $length i32) (result i32)
  (local $code i32)
  (global.set $output_length (i64.const 0))
  (global.set $error (i64.const 0))
  (global.set $input (call $block_of (local.get $input) (local.get $length)))
  (local.set $code (call $run_plugin))
  (if (i32.and (i32.eqz (local.get $code)) (i64.eqz (global.get $error)))
    (then (return (call $answer (call $out_of_kernel (global.get $output) (global.get $output_length)) (i32.wrap_i64 (global.get $output_length))))))
  (if (i64.eqz (global.get $error)) (then (return (call $say_number (call $fail_plugin) (local.get $code)))))
  (call $failure_of (global.get $error)))

;; A failure whose message is in a block.
(func $failure_of (param $block i64) (result i32)
  (call $with_message (call $fail_plugin)
    (call $out_of_kernel (local.get $block) (call $length (local.get $block)))
    (i32.wrap_i64 (call $length (local.get $block)))))

;; Whether so many bytes are in the kernel's memory.
(func $in_kernel (param $at i64) (param $length i64) (result i32)
  (local $size i64)
  (local.set $size (i64.shl (i64.extend_i32_u (memory.size $kernel)) (i64.const 16)))
  (i32.and
    (i64.le_u (local.get $length) (local.get $size))
    (i64.le_u (local.get $at) (i64.sub (local.get $size) (local.get $length)))))

;; Copies from the kernel's memory to new memory of ours.
(func $out_of_kernel (param $at i64) (param $length i64) (result i32)
  (local $to i32)
  (if (i32.eqz (call $in_kernel (local.get $at) (local.get $length))) (then (unreachable)))
  (local.set $to (call $take (i32.wrap_i64 (local.get $length))))
  (memory.copy $ours $kernel (local.get $to) (i32.wrap_i64 (local.get $at)) (i32.wrap_i64 (local.get $length)))
  (local.get $to))

;; A block with what is in our memory.
(func $block_of (param $at i32) (param $length i32) (result i64)
  (local $block i64)
  (local.set $block (call $alloc (i64.extend_i32_u (local.get $length))))
  (if (i64.ne (local.get $block) (i64.const 0))
    (then (memory.copy $kernel $ours (i32.wrap_i64 (local.get $block)) (local.get $at) (local.get $length))))
  (local.get $block))

(func $alloc (export "import extism:host/env alloc") (param $length i64) (result i64)
  (local $room i32)
  (local $block i32)
  (if (i64.eqz (local.get $length)) (then (return (i64.const 0))))
  (if (i64.gt_u (local.get $length) (i64.const 0xffff0000)) (then (return (i64.const 0))))
  (local.set $room (i32.and (i32.add (i32.wrap_i64 (local.get $length)) (i32.const 7)) (i32.const -8)))
  (local.set $block (call $reuse (local.get $room)))
  (if (i32.eqz (local.get $block)) (then (local.set $block (call $new_block (local.get $room)))))
  (if (local.get $block)
    (then (i32.store $kernel (i32.sub (local.get $block) (i32.const 4)) (i32.wrap_i64 (local.get $length)))))
  (i64.extend_i32_u (local.get $block)))

;; One of the first 16 freed blocks that has the room, and at most twice of it.
(func $reuse (param $room i32) (result i32)
  (local $block i32)
  (local $before i32)
  (local $had i32)
  (local $tries i32)
  (local.set $block (global.get $free_first))
  (loop $next
    (if (i32.or (i32.eqz (local.get $block)) (i32.eq (local.get $tries) (i32.const 16))) (then (return (i32.const 0))))
    (local.set $had (i32.load $kernel (i32.sub (local.get $block) (i32.const 8))))
    (if (i32.and (i32.ge_u (local.get $had) (local.get $room)) (i32.le_u (i32.shr_u (local.get $had) (i32.const 1)) (local.get $room)))
      (then
        (if (local.get $before)
          (then (i32.store $kernel (local.get $before) (i32.load $kernel (local.get $block))))
          (else (global.set $free_first (i32.load $kernel (local.get $block)))))
        (return (local.get $block))))
    (local.set $before (local.get $block))
    (local.set $block (i32.load $kernel (local.get $block)))
    (local.set $tries (i32.add (local.get $tries) (i32.const 1)))
    (br $next))
  (unreachable))

(func $new_block (param $room i32) (result i32)
  (local $block i32)
  (local $end i64)
  (local $missing i64)
  (local.set $block (i32.add (global.get $kernel_next) (i32.const 8)))
  (local.set $end (i64.add (i64.extend_i32_u (local.get $block)) (i64.extend_i32_u (local.get $room))))
  (local.set $missing (i64.sub (local.get $end) (i64.shl (i64.extend_i32_u (memory.size $kernel)) (i64.const 16))))
  (if (i64.gt_u (local.get $end) (i64.const 0xffff0000)) (then (return (i32.const 0))))
  (if (i64.gt_s (local.get $missing) (i64.const 0))
    (then
      (if
        (i32.eq
          (memory.grow $kernel (i32.wrap_i64 (i64.shr_u (i64.add (local.get $missing) (i64.const 65535)) (i64.const 16))))
          (i32.const -1))
        (then (return (i32.const 0))))))
  (global.set $kernel_next (i32.wrap_i64 (local.get $end)))
  (i32.store $kernel (i32.sub (local.get $block) (i32.const 8)) (local.get $room))
  (local.get $block))

;; A freed block has the length 0 and leads to the next one; what is freed twice is freed once.
(func $free (export "import extism:host/env free") (param $block i64)
  (local $at i32)
  (if (i64.eqz (call $length (local.get $block))) (then (return)))
  (local.set $at (i32.wrap_i64 (local.get $block)))
  (i32.store $kernel (i32.sub (local.get $at) (i32.const 4)) (i32.const 0))
  (i32.store $kernel (local.get $at) (global.get $free_first))
  (global.set $free_first (local.get $at)))

;; 0 for what cannot be a block.
(func $length (export "import extism:host/env length") (param $block i64) (result i64)
  (local $length i64)
  (if (i64.lt_u (local.get $block) (i64.const 16)) (then (return (i64.const 0))))
  (if (i64.ge_u (local.get $block) (i64.extend_i32_u (global.get $kernel_next))) (then (return (i64.const 0))))
  (local.set $length (i64.extend_i32_u (i32.load $kernel (i32.sub (i32.wrap_i64 (local.get $block)) (i32.const 4)))))
  (select (local.get $length) (i64.const 0) (call $in_kernel (local.get $block) (local.get $length))))

(func (export "import extism:host/env length_unsafe") (param $block i64) (result i64)
  (call $length (local.get $block)))

;; What is read outside is 0, and what is written there is not.
(func $load_u8 (export "import extism:host/env load_u8") (param $at i64) (result i32)
  (if (result i32) (call $in_kernel (local.get $at) (i64.const 1))
    (then (i32.load8_u $kernel (i32.wrap_i64 (local.get $at))))
    (else (i32.const 0))))

(func $load_u64 (export "import extism:host/env load_u64") (param $at i64) (result i64)
  (if (result i64) (call $in_kernel (local.get $at) (i64.const 8))
    (then (i64.load $kernel align=1 (i32.wrap_i64 (local.get $at))))
    (else (i64.const 0))))

;; The heads of blocks are the kernel's: nothing is written before the first, and what is written into a later one only misleads the plugin.
(func (export "import extism:host/env store_u8") (param $at i64) (param $value i32)
  (if (call $in_kernel (local.get $at) (i64.const 1))
    (then (i32.store8 $kernel (i32.wrap_i64 (local.get $at)) (local.get $value)))))

(func (export "import extism:host/env store_u64") (param $at i64) (param $value i64)
  (if (call $in_kernel (local.get $at) (i64.const 8))
    (then (i64.store $kernel align=1 (i32.wrap_i64 (local.get $at)) (local.get $value)))))

(func (export "import extism:host/env input_length") (result i64)
  (call $length (global.get $input)))

(func (export "import extism:host/env input_offset") (result i64)
  (global.get $input))

(func (export "import extism:host/env input_load_u8") (param $at i64) (result i32)
  (if (i64.ge_u (local.get $at) (call $length (global.get $input))) (then (return (i32.const 0))))
  (call $load_u8 (i64.add (global.get $input) (local.get $at))))

(func (export "import extism:host/env input_load_u64") (param $at i64) (result i64)
  (if (i64.ge_u (local.get $at) (call $length (global.get $input))) (then (return (i64.const 0))))
  (call $load_u64 (i64.add (global.get $input) (local.get $at))))

(func (export "import extism:host/env output_set") (param $at i64) (param $length i64)
  (global.set $output (local.get $at))
  (global.set $output_length (local.get $length)))

(func (export "import extism:host/env output_length") (result i64)
  (global.get $output_length))

(func (export "import extism:host/env output_offset") (result i64)
  (global.get $output))

(func (export "import extism:host/env error_set") (param $block i64)
  (global.set $error (local.get $block)))

(func (export "import extism:host/env error_get") (result i64)
  (global.get $error))

(func (export "import extism:host/env memory_bytes") (result i64)
  (i64.shl (i64.extend_i32_u (memory.size $kernel)) (i64.const 16)))

;; Only what a plugin exchanges with its host is forgotten: it may hold blocks.
(func (export "import extism:host/env reset")
  (global.set $output_length (i64.const 0))
  (global.set $error (i64.const 0)))

;; Whether two blocks hold the same.
(func $same (param $one i64) (param $other i64) (result i32)
  (local $left i64)
  (local.set $left (call $length (local.get $one)))
  (if (i64.ne (local.get $left) (call $length (local.get $other))) (then (return (i32.const 0))))
  (block $done
    (loop $next
      (br_if $done (i64.eqz (local.get $left)))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (if
        (i32.ne
          (call $load_u8 (i64.add (local.get $one) (local.get $left)))
          (call $load_u8 (i64.add (local.get $other) (local.get $left))))
        (then (return (i32.const 0))))
      (br $next)))
  (i32.const 1))

;; A block with a copy of another.
(func $copy (param $block i64) (result i64)
  (local $copy i64)
  (local.set $copy (call $alloc (call $length (local.get $block))))
  (if (i64.ne (local.get $copy) (i64.const 0))
    (then
      (memory.copy $kernel $kernel (i32.wrap_i64 (local.get $copy)) (i32.wrap_i64 (local.get $block))
        (i32.wrap_i64 (call $length (local.get $block))))))
  (local.get $copy))
