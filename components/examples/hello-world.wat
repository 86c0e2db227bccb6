;; `execute(text) -> text`: writes `Hello, ` before what it is given, which ends with a zero.
(module
  (memory (export "memory") 1)
  (data (i32.const 16) "Hello, ")
  (func (export "execute") (param $input i32) (result i32)
    (local $answer i32)
    (local $at i32)
    ;; Behind all that there is, as much again.
    (local.set $answer (i32.shl (memory.size) (i32.const 16)))
    (if (i32.eq (memory.grow (memory.size)) (i32.const -1)) (then (unreachable)))
    (memory.copy (local.get $answer) (i32.const 16) (i32.const 7))
    (local.set $at (i32.add (local.get $answer) (i32.const 7)))
    (loop $next
      (i32.store8 (local.get $at) (i32.load8_u (local.get $input)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $input (i32.add (local.get $input) (i32.const 1)))
      (br_if $next (i32.load8_u (i32.sub (local.get $at) (i32.const 1)))))
    (local.get $answer)))
