//! The `If` field of WebDAV.
#![no_main]

use candor_semantics::field::if_::{If, State};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &[u8]| {
    let Some(condition) = If::parse(value) else { return };
    assert!(condition.lists().iter().all(|list| !list.conditions.is_empty()));
    let written = write(&condition);
    let again = If::parse(&written).expect("what was written is a condition");
    assert_eq!(again.lists(), condition.lists());
    assert_eq!(again.tokens().count(), condition.tokens().count());
    // With nothing but negations true, or nothing but assertions, both agree.
    for truth in [false, true] {
        assert_eq!(condition.holds(|_, _| truth), again.holds(|_, _| truth));
    }
});

fn write(condition: &If<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for list in condition.lists() {
        if let Some(resource) = list.resource {
            out.extend([b"<", resource, b">"].concat());
        }
        out.push(b'(');
        for one in &list.conditions {
            if one.not {
                out.extend_from_slice(b"Not ");
            }
            match one.state {
                State::Token(token) => out.extend([b"<", token, b">"].concat()),
                State::Tag(tag) => out.extend([b"[", &tag.to_bytes()[..], b"]"].concat()),
            }
        }
        out.push(b')');
    }
    out
}
