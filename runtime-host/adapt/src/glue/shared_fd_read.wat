(func $guest_fd_read (param $file i32) (param $parts i32) (param $count i32) (param $read i32) (result i32)
  (call $wasi_fd_read (local.get $file) (local.get $parts) (local.get $count) (local.get $read)))
