;; A new string (class 2) in pages of its own: the guest has no runtime that could be found. At its first allocation it takes over all
;; memory that there is, from the front, so that the string stands at the end with a slack before it; its colour in the header (3, "transparent")
;; tells a collector that it is neither moved nor freed.
(func $make_string (param $bytes i32) (result i32)
  (local $slack i32)
  (local $pages i32)
  (local $object i32)
  (local.set $slack
    (select (i32.shl (local.get $bytes) (i32.const 2)) (i32.const 0x100000) (i32.gt_u (local.get $bytes) (i32.const 0x40000))))
  (local.set $pages
    (i32.add
      (i32.shr_u (i32.add (i32.add (local.get $bytes) (local.get $slack)) (i32.const 84)) (i32.const 16))
      (i32.const 1)))
  (if (i32.eq (memory.grow $guest (local.get $pages)) (i32.const -1)) (then (unreachable)))
  ;; 64 bytes are left at the very end, where the allocator puts its last mark.
  (local.set $object
    (i32.and
      (i32.wrap_i64
        (i64.sub
          (i64.shl (i64.extend_i32_u (memory.size $guest)) (i64.const 16))
          (i64.add (i64.extend_i32_u (local.get $bytes)) (i64.const 64))))
      (i32.const -16)))
  (i32.store $guest (i32.sub (local.get $object) (i32.const 20)) (i32.add (local.get $bytes) (i32.const 16)))
  (i32.store $guest (i32.sub (local.get $object) (i32.const 16)) (i32.const 3))
  (i32.store $guest (i32.sub (local.get $object) (i32.const 12)) (i32.const 0))
  (i32.store $guest (i32.sub (local.get $object) (i32.const 8)) (i32.const 2))
  (i32.store $guest (i32.sub (local.get $object) (i32.const 4)) (local.get $bytes))
  (local.get $object))
