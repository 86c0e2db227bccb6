;; What WASI's functions read and write is lent to them: copied to our memory, and back after the call. What a call does not write comes
;; back as it was.
(func $give_back (param $from i32) (param $to i32) (param $length i32)
  (if (local.get $length) (then (memory.copy $guest $ours (local.get $to) (local.get $from) (local.get $length)))))

;; How many bytes a list has; one that no memory holds is nowhere.
(func $bytes_of (param $count i32) (param $unit i32) (result i32)
  (local $bytes i64)
  (local.set $bytes (i64.mul (i64.extend_i32_u (local.get $count)) (i64.extend_i32_u (local.get $unit))))
  (if (i64.gt_u (local.get $bytes) (i64.const 0xffffffff)) (then (unreachable)))
  (i32.wrap_i64 (local.get $bytes)))

;; Lends a list of addresses and lengths, and what is at each.
(func $keep_parts (param $parts i32) (param $count i32) (result i32)
  (local $list i32)
  (local $part i32)
  (local.set $list (call $keep (local.get $parts) (call $bytes_of (local.get $count) (i32.const 8))))
  (local.set $part (local.get $list))
  (block $done
    (loop $next
      (br_if $done (i32.eqz (local.get $count)))
      (i32.store $ours (local.get $part) (call $keep (i32.load $ours (local.get $part)) (i32.load $ours offset=4 (local.get $part))))
      (local.set $part (i32.add (local.get $part) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next)))
  (local.get $list))

(func $give_back_parts (param $list i32) (param $parts i32) (param $count i32)
  (block $done
    (loop $next
      (br_if $done (i32.eqz (local.get $count)))
      (call $give_back
        (i32.load $ours (local.get $list))
        (i32.load $guest (local.get $parts))
        (i32.load $ours offset=4 (local.get $list)))
      (local.set $list (i32.add (local.get $list) (i32.const 8)))
      (local.set $parts (i32.add (local.get $parts) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next))))

;; Texts, and the addresses that lead to them: those of the guest lead to where the guest has the texts.
(func $give_back_texts (param $list i32) (param $places i32) (param $sizes i32) (param $list_of_guest i32) (param $places_of_guest i32)
  (local $left i32)
  (call $give_back (local.get $places) (local.get $places_of_guest) (i32.load $ours offset=4 (local.get $sizes)))
  (local.set $left (i32.load $ours (local.get $sizes)))
  (block $done
    (loop $next
      (br_if $done (i32.eqz (local.get $left)))
      (i32.store $guest (local.get $list_of_guest)
        (i32.add (i32.sub (i32.load $ours (local.get $list)) (local.get $places)) (local.get $places_of_guest)))
      (local.set $list (i32.add (local.get $list) (i32.const 4)))
      (local.set $list_of_guest (i32.add (local.get $list_of_guest) (i32.const 4)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br $next))))

;; Gives memory of a call back, unless something was taken during it that stays.
(func $let_go (param $from i32) (param $to i32)
  (if (i32.eq (global.get $next) (local.get $to)) (then (global.set $next (local.get $from)))))
