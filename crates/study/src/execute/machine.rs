//! What a run was computed on, as a reader of a report asks: processor, architecture, system.

/// One line such as `Intel Xeon Platinum 8375C, x86_64, linux`. It names no host and no person.
pub(crate) fn describe() -> String {
    let place = format!("{}, {}", std::env::consts::ARCH, std::env::consts::OS);
    match std::fs::read_to_string("/proc/cpuinfo").ok().as_deref().and_then(processor) {
        Some(name) => format!("{name}, {place}"),
        None => place,
    }
}

/// The processor's name in Linux's `/proc/cpuinfo`, its spaces put in order.
fn processor(cpuinfo: &str) -> Option<String> {
    let (_, name) = cpuinfo
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == "model name")?;
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_s_name_is_found() {
        let text = "processor\t: 0\nmodel name\t: Some  CPU @ 2.50GHz\nmodel name\t: other\n";
        assert_eq!(processor(text).as_deref(), Some("Some CPU @ 2.50GHz"));
        assert_eq!(processor("processor : 0\n"), None);
        assert!(describe().contains(std::env::consts::ARCH));
    }
}
