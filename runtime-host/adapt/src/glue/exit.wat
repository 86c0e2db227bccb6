;; A program that ends itself is left; what it has said until then counts if it ended well.
(func (export "exit wasi_snapshot_preview1 proc_exit") (param $code i32)
  (call $leave (call $ended (local.get $code))))
