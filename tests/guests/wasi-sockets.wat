;; world: sockets
;; Opens a socket, and plans only if it gets none.
(import "wasi:sockets/tcp-create-socket@0.2.3" "create-tcp-socket" (func $create (param i32 i32)))
;; fields
(data (i32.const 1024) "refused")
(func (export "taffrail:plugin/language@0.1.0#plan") (param i32) (result i32)
  (call $create (i32.const 0) (i32.const 700))
  (if (i32.eqz (i32.load8_u (i32.const 700))) (then (unreachable)))
  (i32.store (i32.const 512) (i32.const 1024))
  (i32.store (i32.const 516) (i32.const 7))
  (i32.store8 (i32.const 132) (i32.const 1))
  (i32.store (i32.const 136) (i32.const 512))
  (i32.store (i32.const 140) (i32.const 1))
  (i32.const 128))
