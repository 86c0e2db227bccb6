(component
  (type $s (stream u8)) (type $f (future (result string)))
  (core func (canon stream.new $s)) (core func (canon future.new $f)) (core func (canon stream.drop-readable $s)))
