;; `execute(text) -> text` of AssemblyScript: both are addresses of UTF-16, behind a header of 20 bytes whose last two words are the class
;; (2 is a string) and the length in bytes.

(func $cast (param $input i32) (param $length i32) (result i32)
  (local $text i32)
  (local $units i32)
  (local.set $units (call $units_of (local.get $input) (local.get $length)))
  (if (i32.eq (local.get $units) (i32.const -1)) (then (return (call $fail_not_utf_8))))
  (local.set $text (call $make_string (i32.shl (local.get $units) (i32.const 1))))
  (if (global.get $exit) (then (return (i32.const 0))))
  (if (i32.eqz (call $is_string (local.get $text))) (then (return (call $fail_bad_allocator))))
  (call $widen (local.get $input) (local.get $length) (local.get $text))
  (local.set $text (call $entry (local.get $text)))
  (if (i32.eqz (local.get $text)) (then (return (call $fail_no_answer))))
  (if (i32.eqz (call $is_string (local.get $text))) (then (return (call $fail_no_string))))
  (local.set $input (call $utf_8 (local.get $text)))
  (call $answer (local.get $input) (global.get $utf_8_length)))

;; Whether there is a string: a header before the address, class 2 in it, and a length that is inside of memory.
(func $is_string (param $text i32) (result i32)
  (if (i32.lt_u (local.get $text) (i32.const 20)) (then (return (i32.const 0))))
  (if (i32.eqz (call $is_within (local.get $text) (i32.const 0))) (then (return (i32.const 0))))
  (if (i32.ne (i32.load $guest (i32.sub (local.get $text) (i32.const 8))) (i32.const 2)) (then (return (i32.const 0))))
  (call $is_within (local.get $text) (i32.load $guest (i32.sub (local.get $text) (i32.const 4)))))

;; A string as UTF-8, and how long that is.
(global $utf_8_length (mut i32) (i32.const 0))

(func $utf_8 (param $text i32) (result i32)
  (local $length i32)
  (local $to i32)
  (local.set $length (i32.and (i32.load $guest (i32.sub (local.get $text) (i32.const 4))) (i32.const -2)))
  (local.set $to (call $take (i32.mul (i32.shr_u (local.get $length) (i32.const 1)) (i32.const 3))))
  (global.set $utf_8_length (call $narrow (local.get $text) (local.get $length) (local.get $to)))
  (local.get $to))

;; Writes valid UTF-8 as UTF-16.
(func $widen (param $at i32) (param $length i32) (param $to i32)
  (local $end i32)
  (local $byte i32)
  (local $point i32)
  (local.set $end (i32.add (local.get $at) (local.get $length)))
  (block $done
    (loop $next
      (br_if $done (i32.eq (local.get $at) (local.get $end)))
      (local.set $byte (i32.load8_u $ours (local.get $at)))
      (if (i32.lt_u (local.get $byte) (i32.const 0x80))
        (then
          (i32.store16 $guest (local.get $to) (local.get $byte))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (local.set $to (i32.add (local.get $to) (i32.const 2)))
          (br $next)))
      (if (i32.lt_u (local.get $byte) (i32.const 0xe0))
        (then
          (local.set $point (i32.or (i32.shl (i32.and (local.get $byte) (i32.const 0x1f)) (i32.const 6)) (call $low_six (local.get $at) (i32.const 1))))
          (local.set $at (i32.add (local.get $at) (i32.const 2))))
        (else
          (if (i32.lt_u (local.get $byte) (i32.const 0xf0))
            (then
              (local.set $point
                (i32.or (i32.shl (i32.and (local.get $byte) (i32.const 0x0f)) (i32.const 12))
                  (i32.or (i32.shl (call $low_six (local.get $at) (i32.const 1)) (i32.const 6)) (call $low_six (local.get $at) (i32.const 2)))))
              (local.set $at (i32.add (local.get $at) (i32.const 3))))
            (else
              (local.set $point
                (i32.or
                  (i32.or (i32.shl (i32.and (local.get $byte) (i32.const 0x07)) (i32.const 18)) (i32.shl (call $low_six (local.get $at) (i32.const 1)) (i32.const 12)))
                  (i32.or (i32.shl (call $low_six (local.get $at) (i32.const 2)) (i32.const 6)) (call $low_six (local.get $at) (i32.const 3)))))
              (local.set $at (i32.add (local.get $at) (i32.const 4)))))))
      (if (i32.lt_u (local.get $point) (i32.const 0x10000))
        (then
          (i32.store16 $guest (local.get $to) (local.get $point))
          (local.set $to (i32.add (local.get $to) (i32.const 2))))
        (else
          (local.set $point (i32.sub (local.get $point) (i32.const 0x10000)))
          (i32.store16 $guest (local.get $to) (i32.or (i32.const 0xd800) (i32.shr_u (local.get $point) (i32.const 10))))
          (i32.store16 $guest offset=2 (local.get $to) (i32.or (i32.const 0xdc00) (i32.and (local.get $point) (i32.const 0x3ff))))
          (local.set $to (i32.add (local.get $to) (i32.const 4)))))
      (br $next))))

(func $low_six (param $at i32) (param $offset i32) (result i32)
  (i32.and (i32.load8_u $ours (i32.add (local.get $at) (local.get $offset))) (i32.const 0x3f)))

;; Writes UTF-16 as UTF-8 and says how many bytes that are. Half of a pair becomes the replacement character, as in browsers.
(func $narrow (param $at i32) (param $length i32) (param $to i32) (result i32)
  (local $end i32)
  (local $start i32)
  (local $point i32)
  (local $low i32)
  (local.set $start (local.get $to))
  (local.set $end (i32.add (local.get $at) (local.get $length)))
  (block $done
    (loop $next
      (br_if $done (i32.eq (local.get $at) (local.get $end)))
      (local.set $point (i32.load16_u $guest (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 2)))
      (if (i32.lt_u (local.get $point) (i32.const 0x80))
        (then
          (i32.store8 $ours (local.get $to) (local.get $point))
          (local.set $to (i32.add (local.get $to) (i32.const 1)))
          (br $next)))
      (if (i32.lt_u (local.get $point) (i32.const 0x800))
        (then
          (i32.store8 $ours (local.get $to) (i32.or (i32.const 0xc0) (i32.shr_u (local.get $point) (i32.const 6))))
          (call $store_low_six (local.get $to) (i32.const 1) (local.get $point))
          (local.set $to (i32.add (local.get $to) (i32.const 2)))
          (br $next)))
      (if (i32.eq (i32.and (local.get $point) (i32.const 0xf800)) (i32.const 0xd800))
        (then
          (local.set $low (i32.const 0))
          (if (i32.ne (local.get $at) (local.get $end)) (then (local.set $low (i32.load16_u $guest (local.get $at)))))
          (if (i32.and (i32.lt_u (local.get $point) (i32.const 0xdc00)) (i32.eq (i32.and (local.get $low) (i32.const 0xfc00)) (i32.const 0xdc00)))
            (then
              (local.set $at (i32.add (local.get $at) (i32.const 2)))
              (local.set $point
                (i32.add (i32.const 0x10000)
                  (i32.or (i32.shl (i32.and (local.get $point) (i32.const 0x3ff)) (i32.const 10)) (i32.and (local.get $low) (i32.const 0x3ff)))))
              (i32.store8 $ours (local.get $to) (i32.or (i32.const 0xf0) (i32.shr_u (local.get $point) (i32.const 18))))
              (call $store_low_six (local.get $to) (i32.const 1) (i32.shr_u (local.get $point) (i32.const 12)))
              (call $store_low_six (local.get $to) (i32.const 2) (i32.shr_u (local.get $point) (i32.const 6)))
              (call $store_low_six (local.get $to) (i32.const 3) (local.get $point))
              (local.set $to (i32.add (local.get $to) (i32.const 4)))
              (br $next)))
          (local.set $point (i32.const 0xfffd))))
      (i32.store8 $ours (local.get $to) (i32.or (i32.const 0xe0) (i32.shr_u (local.get $point) (i32.const 12))))
      (call $store_low_six (local.get $to) (i32.const 1) (i32.shr_u (local.get $point) (i32.const 6)))
      (call $store_low_six (local.get $to) (i32.const 2) (local.get $point))
      (local.set $to (i32.add (local.get $to) (i32.const 3)))
      (br $next)))
  (i32.sub (local.get $to) (local.get $start)))

(func $store_low_six (param $to i32) (param $offset i32) (param $point i32)
  (i32.store8 $ours (i32.add (local.get $to) (local.get $offset)) (i32.or (i32.const 0x80) (i32.and (local.get $point) (i32.const 0x3f)))))
