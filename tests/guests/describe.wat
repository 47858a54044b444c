;; Returns the descriptor that the test gives; a guest may bring its own `describe` instead.
(data (i32.const 8192) "DESCRIPTOR")
(func (export "taffrail:plugin/language@0.1.0#describe") (result i32)
  (i32.store (i32.const 64) (i32.const 8192))
  (i32.store (i32.const 68) (i32.const LENGTH))
  (i32.const 64))
