;; Plans the argument vector `true`; a guest may bring its own `plan` instead.
(data (i32.const 1024) "true")
(func (export "taffrail:plugin/language@0.1.0#plan") (param $arguments i32) (result i32)
  (i32.store (i32.const 512) (i32.const 1024))
  (i32.store (i32.const 516) (i32.const 4))
  (i32.store8 (i32.const 132) (i32.const 1))
  (i32.store (i32.const 136) (i32.const 512))
  (i32.store (i32.const 140) (i32.const 1))
  (i32.const 128))
