;; What every glue has: the export, how a guest begins and is left, and the answers of a cast.

(func (export "spell:runtime/cast@0.1.0#cast")
  (param $input i32) (param $length i32) (param $has_type i32) (param $type i32) (param $type_length i32) (result i32)
  (local $result i32)
  ;; Nothing of a guest that was left can be called again.
  (if (global.get $exit) (then (unreachable)))
  (call $begin)
  (if (i32.eqz (global.get $exit)) (then (local.set $result (call $cast (local.get $input) (local.get $length)))))
  (if (global.get $exit) (then (return (global.get $exit_result))))
  (local.get $result))

;; Not 0 once the guest has been left, and what is to be answered then: the first reason stands.
(global $exit (export "exit") (mut i32) (i32.const 0))
(global $exit_result (mut i32) (i32.const 0))

(func $leave (param $result i32)
  (if (i32.eqz (global.get $exit))
    (then
      (global.set $exit_result (local.get $result))
      (global.set $exit (i32.const 1)))))

;; Has the guest begin, once: nothing of it runs before the first cast.
(global $has_begun (mut i32) (i32.const 0))

(func $begin
  (if (i32.eqz (global.get $has_begun))
    (then
      (global.set $has_begun (i32.const 1))
      (call $start_guest))))

;; Memory for what comes from outside, with a byte more for the zero behind a text. Nothing of the guest runs here: it may call WASI, which
;; is not to be called while an input is written.
(func (export "cabi_export_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
  (call $moved (local.get $old) (local.get $old_size) (call $take (i32.add (local.get $size) (i32.const 1))) (local.get $size)))

;; The same while the guest runs; texts do not come this way.
(func (export "cabi_import_realloc") (export "cabi_realloc_adapter")
  (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
  (call $moved (local.get $old) (local.get $old_size) (call $take (local.get $size)) (local.get $size)))

(func $moved (param $old i32) (param $old_size i32) (param $at i32) (param $size i32) (result i32)
  (if (local.get $old)
    (then
      (memory.copy $ours $ours (local.get $at) (local.get $old)
        (select (local.get $old_size) (local.get $size) (i32.lt_u (local.get $old_size) (local.get $size))))))
  (local.get $at))

;; Whether so many bytes are there; the sum of two numbers of 32 bits has more.
(func $is_within (param $at i32) (param $length i32) (result i32)
  (i64.le_u
    (i64.add (i64.extend_i32_u (local.get $at)) (i64.extend_i32_u (local.get $length)))
    (i64.shl (i64.extend_i32_u (memory.size $guest)) (i64.const 16))))

;; The answer of a cast: bytes without a content type. `result<content, failure>` has 24 bytes.
(func $answer (param $at i32) (param $length i32) (result i32)
  (local $result i32)
  (local.set $result (call $take (i32.const 24)))
  (i32.store8 $ours (local.get $result) (i32.const 0))
  (i32.store $ours offset=4 (local.get $result) (local.get $at))
  (i32.store $ours offset=8 (local.get $result) (local.get $length))
  (i32.store8 $ours offset=12 (local.get $result) (i32.const 0))
  (local.get $result))

(func $failure (param $code i32) (param $code_length i32) (param $message i32) (param $message_length i32) (result i32)
  (local $result i32)
  (local.set $result (call $take (i32.const 24)))
  (i32.store8 $ours (local.get $result) (i32.const 1))
  (i32.store $ours offset=4 (local.get $result) (local.get $code))
  (i32.store $ours offset=8 (local.get $result) (local.get $code_length))
  (i32.store $ours offset=12 (local.get $result) (local.get $message))
  (i32.store $ours offset=16 (local.get $result) (local.get $message_length))
  (local.get $result))

;; A failure with more words behind those it has, which end where the message is.
(func $say_more (param $failure i32) (param $more i32) (param $length i32) (result i32)
  (local $message i32)
  (local $before i32)
  (local.set $before (i32.load $ours offset=16 (local.get $failure)))
  (local.set $message (call $take (i32.add (local.get $before) (local.get $length))))
  (memory.copy $ours $ours (local.get $message) (i32.load $ours offset=12 (local.get $failure)) (local.get $before))
  (memory.copy $ours $ours (i32.add (local.get $message) (local.get $before)) (local.get $more) (local.get $length))
  (i32.store $ours offset=12 (local.get $failure) (local.get $message))
  (i32.store $ours offset=16 (local.get $failure) (i32.add (local.get $before) (local.get $length)))
  (local.get $failure))
