//! Time of each convolution of the paper's network, and the share that its products would take at
//! the machine's peak: `roofline [WIDTH]`.
#![expect(clippy::print_stdout, reason = "a measuring program")]

use fewlabel_engine::measure;

fn main() {
    let f: usize = std::env::args()
        .nth(1)
        .map_or(16, |text| text.parse().expect("a width, a multiple of eight"));
    let peak = measure::peak_gflops(20) * 1e9 / 2.0;
    println!("f = {f}, peak {:.1} G fused multiply-adds a second", peak / 1e9);
    println!(
        "layer | forward us | products' share of it % | backward us | products' share of it %"
    );
    let layers = [(28, 1, 1, "block1.conv2"), (9, 1, 2, "block2.conv1"), (9, 2, 2, "block2.conv2")];
    for (side, cin, cout, name) in
        layers.into_iter().chain([(3, 2, 3, "block3.conv1"), (3, 3, 3, "block3.conv2")])
    {
        let layer = measure::convolution(side, cin * f, cout * f, 300);
        let (forward, backward) =
            (layer.products / peak / layer.forward, 2.0 * layer.products / peak / layer.backward);
        let us = 1e6;
        println!(
            "{name} | {:.1} | {:.0} | {:.1} | {:.0}",
            layer.forward * us,
            100.0 * forward,
            layer.backward * us,
            100.0 * backward
        );
    }
}
