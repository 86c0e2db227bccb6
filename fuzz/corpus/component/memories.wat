(component
  (core module $m (memory 1) (memory 1 2))
  (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m)))
