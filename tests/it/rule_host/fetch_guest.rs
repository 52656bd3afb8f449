//! A guest that sends requests one after the other, and logs what comes back.

use super::guest::{Memory, component};

/// One request, for [`fetching`].
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) timeout_ms: u32,
    /// How often it goes round a loop before it sends.
    pub(crate) spins: u32,
}

pub(crate) fn get(url: &str) -> Fetch {
    Fetch {
        method: "GET",
        url: url.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout_ms: 0,
        spins: 0,
    }
}

impl Fetch {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn within(mut self, timeout_ms: u32) -> Self {
        self.timeout_ms = timeout_ms;
        self
    }
}

/// A component that sends these. Of each it logs the response's body under the level of its status'
/// first digit (2 is `info`, 4 is `error`…), or the error's case in words.
pub(crate) fn fetching(requests: &[Fetch]) -> Vec<u8> {
    let mut memory = Memory::default();
    let words = ["host-not-allowed", "timed-out", "too-large"].map(|word| memory.text(word));
    let mut calls = String::new();
    for request in requests {
        let method = memory.text(request.method);
        let url = memory.text(&request.url);
        let pairs: Vec<u32> = request
            .headers
            .iter()
            .flat_map(|(name, value)| [memory.text(name), memory.text(value)].concat())
            .collect();
        let pairs_at = memory.words(&pairs);
        let body = [memory.put(&request.body), request.body.len() as u32];
        let parameters = [
            &method[..],
            &url[..],
            &[pairs_at, request.headers.len() as u32],
            &body[..],
            &[request.timeout_ms, 2048],
        ];
        let parameters: String = parameters
            .concat()
            .iter()
            .map(|word| format!("(i32.const {word})"))
            .collect();
        calls.push_str(&format!(
            "(call $spin (i32.const {})) (call $send {parameters}) (call $show)\n",
            request.spins
        ));
    }
    let word = |i: usize| format!("(i32.const {}) (i32.const {})", words[i][0], words[i][1]);
    let (heap, data) = memory.layout();
    component(&format!(
        r#"(module
            (import "claimsmith:rules/log@1.0.0" "write" (func $log (param i32 i32 i32)))
            (import "claimsmith:rules/fetch@1.0.0" "send"
                (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
            (memory (export "memory") {pages})
            (global $next (mut i32) (i32.const {heap}))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
                (global.set $next (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
            (data (i32.const 4096) "{data}")
            (func $spin (param $n i32)
                (loop $again
                    (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                    (br_if $again (i32.gt_s (local.get $n) (i32.const 0)))))
            ;; The answer is at 2048: 0 and the status, the headers and the body; or 1 and the error.
            (func $show
                (if (i32.eqz (i32.load8_u (i32.const 2048)))
                    (then (call $log
                        (i32.sub (i32.div_u (i32.load16_u (i32.const 2052)) (i32.const 100)) (i32.const 1))
                        (i32.load (i32.const 2064)) (i32.load (i32.const 2068))))
                    (else (call $show-error (i32.load8_u (i32.const 2052))))))
            (func $show-error (param $case i32)
                (if (i32.eqz (local.get $case)) (then (call $log (i32.const 1) {not_allowed})))
                (if (i32.eq (local.get $case) (i32.const 1)) (then (call $log (i32.const 1) {timed_out})))
                (if (i32.eq (local.get $case) (i32.const 2)) (then (call $log (i32.const 1) {too_large})))
                (if (i32.eq (local.get $case) (i32.const 3)) (then (call $log (i32.const 1)
                    (i32.load (i32.const 2056)) (i32.load (i32.const 2060))))))
            (func (export "decide") (param i32) (result i32)
                {calls}
                (i32.const 1024)))"#,
        pages = heap / 65536 + 24,
        not_allowed = word(0),
        timed_out = word(1),
        too_large = word(2),
    ))
}
