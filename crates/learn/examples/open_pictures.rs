//! How long folders of pictures take to become data sets: decoded, hashed, resized and compared.
//!
//! The peer of `scripts/pictures/speed.py`, which does the same with Pillow in two processes:
//!
//! ```text
//! cargo run --release --workspace --example open_pictures -- FOLDER SIZE
//! ```

use fewlabel_learn::data::open_with;
use fewlabel_learn::data::source::{Import, Watch};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "give a folder and a size";
    let folder = arguments.next().ok_or(usage)?;
    let size = arguments.next().ok_or(usage)?.parse()?;
    let import = Import { size: Some(size), ..Import::default() };
    let mut best = f64::INFINITY;
    let mut images = 0;
    for _ in 0..3 {
        let start = Instant::now();
        let data = open_with(&folder, None, &import, &Watch::nobody())?;
        best = best.min(start.elapsed().as_secs_f64());
        images = data.train.len() + data.val.len() + data.test.len();
    }
    writeln(&format!("{folder}: {best:.3} s for {images}"))
}

fn writeln(line: &str) -> Result<(), Box<dyn std::error::Error>> {
    use std::io::Write as _;
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
