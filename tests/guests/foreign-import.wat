;; world: foreign
;; Wants what no plugin gets.
(import "wasi:http/types@0.2.3" "fetch" (func (param i32)))
(import "evil:place/thing@1.0.0" "reach" (func (param i32)))
;; fields
