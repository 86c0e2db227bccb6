(component
  (import "wasi:cli/environment@0.2.0" (instance $e
    (export "get-environment" (func (result (list (tuple string string)))))))
  (alias export $e "get-environment" (func $f))
  (export "f" (func $f)))
