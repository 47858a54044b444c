;; Plans an argument that claims to be a gigabyte long.
(func (export "taffrail:plugin/language@0.1.0#plan") (param i32) (result i32)
  (i32.store (i32.const 512) (i32.const 1024))
  (i32.store (i32.const 516) (i32.const 0x40000000))
  (i32.store8 (i32.const 132) (i32.const 1))
  (i32.store (i32.const 136) (i32.const 512))
  (i32.store (i32.const 140) (i32.const 1))
  (i32.const 128))
