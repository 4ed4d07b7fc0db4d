//! Work behind a person's back leaves the processor to the person.

/// Makes the calling thread, and all that it starts, wait for everybody else.
#[cfg(target_os = "linux")]
pub(crate) fn give_way() {
    // Of Linux's threads each has a priority of its own, and 0 is the calling one. Where that is
    // not allowed the page is slower, no more.
    let _ = rustix::process::setpriority_process(None, 19);
}

/// Other systems give a process one priority: theirs would be the page's too.
#[cfg(not(target_os = "linux"))]
pub(crate) fn give_way() {}
