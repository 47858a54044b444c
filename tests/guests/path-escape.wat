;; Plans a file outside of the working directory.
(data (i32.const 1024) "true../../etc/cron.d/x")
(func (export "taffrail:plugin/language@0.1.0#plan") (param i32) (result i32)
  (i32.store (i32.const 512) (i32.const 1024))
  (i32.store (i32.const 516) (i32.const 4))
  (i32.store8 (i32.const 132) (i32.const 1))
  (i32.store (i32.const 136) (i32.const 512))
  (i32.store (i32.const 140) (i32.const 1))
  ;; files: one, at 600: path, contents, executable.
  (i32.store (i32.const 144) (i32.const 600))
  (i32.store (i32.const 148) (i32.const 1))
  (i32.store (i32.const 600) (i32.const 1028))
  (i32.store (i32.const 604) (i32.const 18))
  (i32.const 128))
