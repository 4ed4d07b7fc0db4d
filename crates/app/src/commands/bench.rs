//! `fewlabel bench`: how fast this machine is.

use crate::cli::Common;
use crate::screen;
use clap::{Args, ValueEnum};
use fewlabel_study::execute::bench;

/// Arguments of `bench`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// What to measure.
    what: What,
    /// Width f of the network C(f).
    #[arg(long, value_name = "F", default_value_t = 32)]
    width: usize,
    /// Images at a time; for `query` the number chosen, for `augment` without effect [default: 64, scoring 256, query 4].
    #[arg(long, value_name = "B")]
    batch: Option<usize>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    Train,
    Infer,
    Augment,
    Query,
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let (width, threads) = (arguments.width, common.threads());
    let batch = |default| arguments.batch.unwrap_or(default);
    let results = match arguments.what {
        What::Train => bench::train(width, batch(64), threads)?,
        What::Infer => bench::infer(width, batch(256), threads)?,
        What::Augment => bench::augment(),
        What::Query => bench::query(batch(4), threads)?,
    };
    if common.json {
        return screen::print_json(&serde_json::json!({ "results": results, "threads": threads }));
    }
    let optional = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.1}"));
    let mut phases = String::new();
    let mut rows = Vec::new();
    for result in results {
        if let Some(p) = result.phases {
            phases = format!(
                "forward {:.0} % ({:.2} us/image), backward {:.0} % ({:.2}), update {:.0} % ({:.2}); \
                 the paper's augmentation adds {:.1} % ({:.2})\n",
                p.forward_percent,
                p.forward_us,
                p.backward_percent,
                p.backward_us,
                p.update_percent,
                p.update_us,
                p.augmentation_percent,
                p.augmentation_us
            );
        }
        let numbers = [format!("{:.0}", result.images_per_s), format!("{:.2}", result.us_per_image)];
        let [rate, time] = numbers;
        rows.push([result.name, rate, time, optional(result.gflops), optional(result.peak_percent)]);
    }
    let table = screen::table(["name", "images/s", "us/image", "GFLOP/s", "% of peak"], rows);
    screen::print(&format!("{table}\n{phases}"))
}
