;; world: empty
;; Complains on stderr and traps, as a program with a standard library does.
(import "wasi:cli/stderr@0.2.3" "get-stderr" (func $stderr (result i32)))
(import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
;; fields
(data (i32.const 1024) "panicked at lib.rs\0ano such thing\0a")
(func (export "taffrail:plugin/language@0.1.0#plan") (param i32) (result i32)
  (call $write (call $stderr) (i32.const 1024) (i32.const 33) (i32.const 724))
  (unreachable))
