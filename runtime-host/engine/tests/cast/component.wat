;; A component that exports `spell:runtime/cast@0.1.0` and imports nothing. What it does, a module `$spell` says, which takes the place of the
;; first line of the component: it exports `memory`, `realloc`, `cast` and `post-return`.
(component
  ;; the module
  (core instance $spell (instantiate $spell))
  (type $content-record (record (field "bytes" (list u8)) (field "content-type" (option string))))
  (type $failure-record (record (field "code" string) (field "message" string)))
  (func $cast (param "input" $content-record) (result (result $content-record (error $failure-record)))
    (canon lift (core func $spell "cast") (memory $spell "memory") (realloc (func $spell "realloc")) (post-return (func $spell "post-return"))))
  (component $interface
    (type $content-record (record (field "bytes" (list u8)) (field "content-type" (option string))))
    (import "import-content" (type $content (eq $content-record)))
    (type $failure-record (record (field "code" string) (field "message" string)))
    (import "import-failure" (type $failure (eq $failure-record)))
    (import "import-cast" (func $cast (param "input" $content) (result (result $content (error $failure)))))
    (export $exported-content "content" (type $content))
    (export $exported-failure "failure" (type $failure))
    (export "cast" (func $cast)
      (func (param "input" $exported-content) (result (result $exported-content (error $exported-failure))))))
  (instance $interface (instantiate $interface
    (with "import-content" (type $content-record))
    (with "import-failure" (type $failure-record))
    (with "import-cast" (func $cast))))
  (export "spell:runtime/cast@0.1.0" (instance $interface)))
