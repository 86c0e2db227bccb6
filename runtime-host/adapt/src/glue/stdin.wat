(import "wasi_snapshot_preview1" "fd_read" (func $wasi_fd_read (param i32 i32 i32 i32) (result i32)))

;; Standard input is what the program is cast with; other files are not ours.
(func (export "import wasi_snapshot_preview1 fd_read") (param $file i32) (param $parts i32) (param $count i32) (param $read i32) (result i32)
  (local $length i32)
  (local $left i32)
  (local $total i32)
  (if (local.get $file)
    (then (return (call $guest_fd_read (local.get $file) (local.get $parts) (local.get $count) (local.get $read)))))
  (block $done
    (loop $next
      (local.set $left (i32.sub (global.get $input_end) (global.get $input)))
      (br_if $done (i32.or (i32.eqz (local.get $count)) (i32.eqz (local.get $left))))
      (local.set $length (i32.load $guest offset=4 (local.get $parts)))
      (if (i32.gt_u (local.get $length) (local.get $left)) (then (local.set $length (local.get $left))))
      (memory.copy $guest $ours (i32.load $guest (local.get $parts)) (global.get $input) (local.get $length))
      (global.set $input (i32.add (global.get $input) (local.get $length)))
      (local.set $total (i32.add (local.get $total) (local.get $length)))
      (local.set $parts (i32.add (local.get $parts) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next)))
  (i32.store $guest (local.get $read) (local.get $total))
  (i32.const 0))
