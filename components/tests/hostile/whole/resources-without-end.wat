;; Handles to a resource of the guest's own, made for ever.
(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $answer))
  (type $thing (resource (rep i32)))
  (core func $new (canon resource.new $thing))
  (core module $guest
    (import "host" "new" (func $new (param i32) (result i32)))
    (func (export "handle") (param i32 i32) (loop (drop (call $new (i32.const 1))) (br 0))))
  (core instance $guest (instantiate $guest (with "host" (instance (export "new" (func $new))))))
  (func $handle (param "request" (own $request)) (param "response-out" (own $answer))
    (canon lift (core func $guest "handle")))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
