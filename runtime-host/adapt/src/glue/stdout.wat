(import "wasi_snapshot_preview1" "fd_write" (func $wasi_fd_write (param i32 i32 i32 i32) (result i32)))

;; Standard output is the answer, and what standard error begins with is told if the program fails; other files are not ours.
(func (export "import wasi_snapshot_preview1 fd_write") (param $file i32) (param $parts i32) (param $count i32) (param $written i32) (result i32)
  (local $length i32)
  (local $total i32)
  (if (i32.eq (local.get $file) (i32.const 2)) (then (call $listen (local.get $parts) (local.get $count))))
  (if (i32.ne (local.get $file) (i32.const 1))
    (then (return (call $guest_fd_write (local.get $file) (local.get $parts) (local.get $count) (local.get $written)))))
  (block $done
    (loop $next
      (br_if $done (i32.eqz (local.get $count)))
      (local.set $length (i32.load $guest offset=4 (local.get $parts)))
      (call $make_room (local.get $length))
      (memory.copy $ours $guest (i32.add (global.get $output) (global.get $output_length)) (i32.load $guest (local.get $parts)) (local.get $length))
      (global.set $output_length (i32.add (global.get $output_length) (local.get $length)))
      (local.set $total (i32.add (local.get $total) (local.get $length)))
      (local.set $parts (i32.add (local.get $parts) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next)))
  (i32.store $guest (local.get $written) (local.get $total))
  (i32.const 0))

;; The place for the answer becomes twice as large whenever it is full: where it is, if nothing is behind it, and elsewhere otherwise.
(func $make_room (param $more i32)
  (local $room i64)
  (local $place i32)
  (local.set $room (i64.add (i64.extend_i32_u (global.get $output_length)) (i64.extend_i32_u (local.get $more))))
  (if (i64.le_u (local.get $room) (i64.extend_i32_u (global.get $output_room))) (then (return)))
  (local.set $room (i64.and (i64.add (i64.shl (local.get $room) (i64.const 1)) (i64.const 0xffff)) (i64.const -0x10000)))
  (if (i64.gt_u (local.get $room) (i64.const 0xffff0000)) (then (local.set $room (i64.const 0xffff0000))))
  (if (call $is_last (i32.add (global.get $output) (global.get $output_room)))
    (then
      (drop (call $take (i32.sub (i32.wrap_i64 (local.get $room)) (global.get $output_room))))
      (global.set $output_room (i32.wrap_i64 (local.get $room)))
      (return)))
  (local.set $place (call $take (i32.wrap_i64 (local.get $room))))
  (memory.copy $ours $ours (local.get $place) (global.get $output) (global.get $output_length))
  (global.set $output (local.get $place))
  (global.set $output_room (i32.wrap_i64 (local.get $room))))

;; Whether all memory ends here, so that what is taken next begins here.
(func $is_last (param $end i32) (result i32)
  (i32.and
    (i32.eq (local.get $end) (global.get $next))
    (i32.eq (local.get $end) (i32.shl (memory.size $ours) (i32.const 16)))))
