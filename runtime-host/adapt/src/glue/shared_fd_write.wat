(func $guest_fd_write (param $file i32) (param $parts i32) (param $count i32) (param $written i32) (result i32)
  (call $wasi_fd_write (local.get $file) (local.get $parts) (local.get $count) (local.get $written)))
