;; Grows a table until it may not.
(table $table 1 funcref)
(func (export "taffrail:plugin/language@0.1.0#plan") (param i32) (result i32)
  (loop $again
    (br_if $again (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1))))
  (unreachable))
