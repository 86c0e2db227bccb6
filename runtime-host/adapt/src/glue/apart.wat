;; A guest that shares its memory with nobody. Ours is exported, and WASI works in it; what goes from one to the other is copied.
(memory $ours (export "memory") 1)

(func $answer_of_guest (param $at i32) (param $length i32) (result i32)
  (call $answer (call $keep (local.get $at) (local.get $length)) (local.get $length)))

;; A copy in our memory of what the guest has in its own. Nothing can be anywhere.
(func $keep (param $at i32) (param $length i32) (result i32)
  (local $to i32)
  (local.set $to (call $take (local.get $length)))
  (if (local.get $length) (then (memory.copy $ours $guest (local.get $to) (local.get $at) (local.get $length))))
  (local.get $to))
