//! `fewlabel bench`: how fast this machine is.

use crate::options::{Common, count, means_nothing};
use crate::screen;
use clap::{Args, ValueEnum};
use fewlabel_study::execute::bench;

/// Arguments of `bench`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// What to measure.
    what: What,
    /// Width f of the network C(f) that trains or scores [default: 32].
    #[arg(long, value_name = "F", value_parser = count::<usize>)]
    width: Option<usize>,
    /// Images at a time; for `query` the number chosen [default: 64, scoring 256, query 4].
    #[arg(long, value_name = "B", value_parser = count::<usize>)]
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
    let is_network = matches!(arguments.what, What::Train | What::Infer);
    if arguments.width.is_some() && !is_network {
        return Err(means_nothing("--width", "a bench of what is no network"));
    }
    if arguments.batch.is_some() && matches!(arguments.what, What::Augment) {
        return Err(means_nothing("--batch", "bench augment"));
    }
    let (width, threads) = (arguments.width.unwrap_or(32), common.threads());
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
    let optional =
        |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.1}"));
    let mut phases = String::new();
    let mut rows = Vec::new();
    for result in results {
        if let Some(p) = result.phases {
            phases = format!(
                "forward {:.0} % ({:.2} us/image), backward {:.0} % ({:.2}), update {:.0} % \
                 ({:.2}); \
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
        let numbers =
            [format!("{:.0}", result.images_per_s), format!("{:.2}", result.us_per_image)];
        let [rate, time] = numbers;
        rows.push([
            result.name,
            rate,
            time,
            optional(result.gflops),
            optional(result.peak_percent),
        ]);
    }
    let table = screen::table(["name", "images/s", "us/image", "GFLOP/s", "% of peak"], rows);
    screen::print(&format!("{table}\n{phases}"))
}
