;; Plans an argument with a NUL character in it.
(data (i32.const 1024) "rm\00-rf")
(func (export "taffrail:plugin/language@0.1.0#plan") (param i32) (result i32)
  (i32.store (i32.const 512) (i32.const 1024))
  (i32.store (i32.const 516) (i32.const 6))
  (i32.store8 (i32.const 132) (i32.const 1))
  (i32.store (i32.const 136) (i32.const 512))
  (i32.store (i32.const 140) (i32.const 1))
  (i32.const 128))
