;; Plans the argument vector `echo`, the properties as they came, and logs that it did.
(data (i32.const 1024) "echo")
(data (i32.const 1040) "planned")
(func (export "taffrail:plugin/language@0.1.0#plan") (param $arguments i32) (result i32)
  (call $log (i32.const 2) (i32.const 1040) (i32.const 7))
  ;; Two strings: address and length each.
  (i32.store (i32.const 512) (i32.const 1024))
  (i32.store (i32.const 516) (i32.const 4))
  (i32.store (i32.const 520) (i32.load offset=8 (local.get $arguments)))
  (i32.store (i32.const 524) (i32.load offset=12 (local.get $arguments)))
  ;; result: ok at 128; program: argv at 132, its list at 136; everything after it stays zero, which is empty or none.
  (i32.store8 (i32.const 132) (i32.const 1))
  (i32.store (i32.const 136) (i32.const 512))
  (i32.store (i32.const 140) (i32.const 2))
  (i32.const 128))
