;; A new string (class 2), made by the runtime that the guest exports, and pinned: it may collect garbage while it runs.
(func $make_string (param $bytes i32) (result i32)
  (call $pin (call $new (local.get $bytes) (i32.const 2))))
