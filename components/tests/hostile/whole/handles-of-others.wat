;; Handles that were never given are dropped and taken.
(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $answer))
  (core func $drop (canon resource.drop $request))
  (core module $guest
    (import "host" "drop" (func $drop (param i32)))
    (func (export "handle") (param i32 i32) (call $drop (i32.const 4095))))
  (core instance $guest (instantiate $guest (with "host" (instance (export "drop" (func $drop))))))
  (func $handle (param "request" (own $request)) (param "response-out" (own $answer))
    (canon lift (core func $guest "handle")))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
