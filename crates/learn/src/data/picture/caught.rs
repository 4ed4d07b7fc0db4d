//! A decoder's panic becomes a sentence, and prints nothing.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether this thread is inside a decoder.
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Keeps the program's own hook for every thread that is not decoding.
static HOOK: Once = Once::new();

/// Runs `decode`; a panic in it is the error "cannot be decoded".
pub(super) fn silently<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            if !DECODING.get() {
                before(panicked);
            }
        }));
    });
    let outer = DECODING.replace(true);
    // The decoder's state is lost with the panic, so nothing can be seen half-changed.
    let result = panic::catch_unwind(AssertUnwindSafe(decode));
    DECODING.set(outer);
    result.unwrap_or_else(|_| Err("cannot be decoded: it is damaged or unusual".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_the_next_call_is_as_before() {
        let panicking = || -> Result<u8, String> { panic!("{}", "inside") };
        assert!(silently(panicking).unwrap_err().starts_with("cannot be decoded"));
        assert_eq!(silently(|| Ok(3)), Ok(3));
        assert!(!DECODING.get());
    }
}
