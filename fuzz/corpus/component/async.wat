(component
  (core module $m
    (import "" "task.return" (func $r (param i32)))
    (func (export "f") (result i32) (call $r (i32.const 1)) (i32.const 0))
    (func (export "cb") (param i32 i32 i32) (result i32) i32.const 0))
  (core func $r (canon task.return (result u32)))
  (core instance $i (instantiate $m (with "" (instance (export "task.return" (func $r))))))
  (func (export "f") async (result u32) (canon lift (core func $i "f") async (callback (func $i "cb")))))
