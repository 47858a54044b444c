;; Traps without a word.
(func (export "taffrail:plugin/language@0.1.0#plan") (param i32) (result i32)
  (unreachable))
