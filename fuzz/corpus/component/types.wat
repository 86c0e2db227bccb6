(component
  (type $rec (record (field "a" u8) (field "b" (list s64)) (field "c" (option f32))))
  (type $var (variant (case "x" $rec) (case "y") (case "z" (result u32 (error string)))))
  (type $fl (flags "p" "q"))
  (type $en (enum "u" "v"))
  (export "rec" (type $rec)))
