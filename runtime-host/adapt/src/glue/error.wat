;; What standard error begins with: so much of it as a failure tells, 1024 bytes.
(global $error (mut i32) (i32.const 0))
(global $error_length (mut i32) (i32.const 0))

(func $listen (param $parts i32) (param $count i32)
  (local $length i32)
  (local $room i32)
  (if (i32.eqz (global.get $error)) (then (global.set $error (call $take (i32.const 1024)))))
  (block $done
    (loop $next
      (local.set $room (i32.sub (i32.const 1024) (global.get $error_length)))
      (br_if $done (i32.or (i32.eqz (local.get $count)) (i32.eqz (local.get $room))))
      (local.set $length (i32.load $guest offset=4 (local.get $parts)))
      (if (i32.gt_u (local.get $length) (local.get $room)) (then (local.set $length (local.get $room))))
      (memory.copy $ours $guest
        (i32.add (global.get $error) (global.get $error_length)) (i32.load $guest (local.get $parts)) (local.get $length))
      (global.set $error_length (i32.add (global.get $error_length) (local.get $length)))
      (local.set $parts (i32.add (local.get $parts) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next))))

;; A failure with that behind its words, after a colon and without the end of the last line.
(func $say_error (param $failure i32) (result i32)
  (local $colon i32)
  (if (i32.eqz (global.get $error_length)) (then (return (local.get $failure))))
  (if (i32.eq (call $last_of_error) (i32.const 10))
    (then (global.set $error_length (i32.sub (global.get $error_length) (i32.const 1)))))
  (if (i32.eqz (global.get $error_length)) (then (return (local.get $failure))))
  ;; What was cut in the middle of a character.
  (if (i32.eq (global.get $error_length) (i32.const 1024))
    (then
      (block $whole
        (loop $next
          (br_if $whole (i32.ne (i32.and (call $last_of_error) (i32.const 0xc0)) (i32.const 0x80)))
          (global.set $error_length (i32.sub (global.get $error_length) (i32.const 1)))
          (br_if $whole (i32.eqz (global.get $error_length)))
          (br $next)))
      (if (i32.eqz (global.get $error_length)) (then (return (local.get $failure))))
      (if (i32.ge_u (call $last_of_error) (i32.const 0xc0))
        (then (global.set $error_length (i32.sub (global.get $error_length) (i32.const 1)))))))
  (local.set $colon (call $take (i32.const 2)))
  (i32.store16 $ours (local.get $colon) (i32.const 0x203a))
  (local.set $failure (call $say_more (local.get $failure) (local.get $colon) (i32.const 2)))
  (local.set $failure (call $say_more (local.get $failure) (global.get $error) (global.get $error_length)))
  (call $with_message (local.get $failure)
    (i32.load $ours offset=12 (local.get $failure)) (i32.load $ours offset=16 (local.get $failure))))

(func $last_of_error (result i32)
  (i32.load8_u $ours (i32.sub (i32.add (global.get $error) (global.get $error_length)) (i32.const 1))))
