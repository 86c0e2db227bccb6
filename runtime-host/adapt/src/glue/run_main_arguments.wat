;; One argument, which is the program's name: `spell`, and a zero.
(func $run_program (result i32)
  (local $arguments i32)
  (local.set $arguments (call $take (i32.const 16)))
  (i64.store $guest offset=8 (local.get $arguments) (i64.const 0x6c6c657073))
  (i64.store $guest (local.get $arguments) (i64.extend_i32_u (i32.add (local.get $arguments) (i32.const 8))))
  (call $entry (i32.const 1) (local.get $arguments)))
