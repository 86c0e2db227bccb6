;; Core modules that use what this host has switched off. Each begins with `;;; name`; the shells make components of them.

;;; memory64
(memory (export "memory") 1)
(memory $wide i64 1)
(func $attack (drop (i32.load $wide (i64.const 0))))

;;; threads
(memory (export "memory") 1 2 shared)
(func $attack (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))

;;; tail-calls
(memory (export "memory") 1)
(func $attack (return_call $attack))

;;; exceptions
(memory (export "memory") 1)
(tag $error)
(func $attack (loop $again (block $caught (try_table (catch $error $caught) (throw $error))) (br $again)))

;;; function-references
(memory (export "memory") 1)
(type $nothing (func))
(elem declare func $attack)
(func $attack (call_ref $nothing (ref.func $attack)))

;;; garbage-collection
(memory (export "memory") 1)
(type $list (array (mut i32)))
(func $attack (drop (array.new_default $list (i32.const 2147483647))))

;;; garbage-collected-structs
(memory (export "memory") 1)
(type $node (struct (field (mut (ref null $node)))))
(func $attack (local (ref null $node)) (loop (local.set 0 (struct.new $node (local.get 0))) (br 0)))

;;; custom-page-sizes
(memory (export "memory") 1)
(memory $bytes 1 (pagesize 1))
(func $attack)
