;; The host asks the guest for memory to put its answer into; the guest never gives it.
(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $answer))
  (core module $memory
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (loop (br 0)) (i32.const 0)))
  (core instance $memory (instantiate $memory))
  (core func $bytes
    (canon lower (func $random "get-random-bytes") (memory $memory "memory") (realloc (func $memory "realloc"))))
  (core module $guest
    (import "host" "bytes" (func $bytes (param i64 i32)))
    (func (export "handle") (param i32 i32) (call $bytes (i64.const 8) (i32.const 0))))
  (core instance $guest (instantiate $guest (with "host" (instance (export "bytes" (func $bytes))))))
  (func $handle (param "request" (own $request)) (param "response-out" (own $answer))
    (canon lift (core func $guest "handle")))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
