;; The first zero from an address on, or the end if there is none before: eight bytes at a time, as long as none of them is zero
;; (https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord).
(func $zero_from (param $at i32) (param $end i32) (result i32)
  (local $word i64)
  (block $near
    (loop $words
      (br_if $near (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 8)))
      (local.set $word (i64.load $texts align=1 (local.get $at)))
      (br_if $near
        (i64.ne
          (i64.and
            (i64.and
              (i64.sub (local.get $word) (i64.const 0x0101010101010101))
              (i64.xor (local.get $word) (i64.const -1)))
            (i64.const 0x8080808080808080))
          (i64.const 0)))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br $words)))
  (block $found
    (loop $bytes
      (br_if $found (i32.eq (local.get $at) (local.get $end)))
      (br_if $found (i32.eqz (i32.load8_u $texts (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $bytes)))
  (local.get $at))

;; Where memory ends; of four gigabytes, the last byte does not count.
(func $memory_end (result i32)
  (if (result i32) (i32.eq (memory.size $texts) (i32.const 65536))
    (then (i32.const -1))
    (else (i32.shl (memory.size $texts) (i32.const 16)))))
