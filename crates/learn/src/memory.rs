//! How much memory there is to take.

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

/// Bytes that this process may still take, by what the machine has free and what its control groups allow; none where the
/// system does not say.
pub fn available() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let machine = Some(system.available_memory()).filter(|&bytes| bytes > 0);
    let process = sysinfo::get_current_pid().ok().and_then(|id| {
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[id]), false, ProcessRefreshKind::nothing());
        system.process(id)?.cgroup_limits()
    });
    let groups = [system.cgroup_limits(), process];
    // Not a group's free memory: its cached files count there as taken, though they make room.
    let left = groups.into_iter().flatten().map(|group| group.total_memory.saturating_sub(group.rss));
    machine.into_iter().chain(left).min()
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_machine_has_some_and_not_without_end() {
        if let Some(bytes) = super::available() {
            assert!((1 << 20..1 << 50).contains(&bytes), "{bytes}");
        }
    }
}
