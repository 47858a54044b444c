;; Calls the properties invalid without a remark.
(func (export "taffrail:plugin/language@0.1.0#plan") (param i32) (result i32)
  (i32.store8 (i32.const 128) (i32.const 1))
  (i32.store8 (i32.const 132) (i32.const 1))
  (i32.const 128))
