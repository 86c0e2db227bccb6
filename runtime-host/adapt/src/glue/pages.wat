;; Memory from `$next` to `$end`, which is a page to begin with, and then pages beyond all that there are: to make a page accessible takes
;; longer than most casts. Allocators take new pages when they need some, and leave alone those that they did not take.
(func $take (param $size i32) (result i32)
  (local $at i32)
  (local $pages i32)
  (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
  (if
    (i64.gt_u
      (i64.add (i64.extend_i32_u (local.get $at)) (i64.extend_i32_u (local.get $size)))
      (i64.extend_i32_u (global.get $end)))
    (then
      (local.set $pages
        (i32.wrap_i64 (i64.shr_u (i64.add (i64.extend_i32_u (local.get $size)) (i64.const 65535)) (i64.const 16))))
      (local.set $at (memory.grow $ours (local.get $pages)))
      (if (i32.eq (local.get $at) (i32.const -1)) (then (unreachable)))
      (local.set $at (i32.shl (local.get $at) (i32.const 16)))
      (global.set $end (i32.add (local.get $at) (i32.shl (local.get $pages) (i32.const 16))))))
  (global.set $next (i32.add (local.get $at) (local.get $size)))
  (local.get $at))
