//! Training steps and scoring of the paper's networks on one thread, small batches included.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fewlabel_engine::rng::Key;
use fewlabel_engine::{AdamW, Architecture, Model, Scorer, Targets, Trainer};

fn noise(n: usize) -> Vec<f32> {
    let mut stream = Key::new(0, 1).stream();
    (0..n).map(|_| stream.unit()).collect()
}

/// C(f) on grey images of 28 x 28 in 11 classes.
fn model(f: usize) -> Model {
    let network = Architecture {
        height: 28,
        width: 28,
        channels: 1,
        block_widths: vec![f, 2 * f, 3 * f],
        hidden: vec![8 * f, 2 * f],
        classes: 11,
        dropout: 0.0,
    };
    Model::new(network, Key::new(0, 0)).expect("a valid network")
}

fn training(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("train");
    for f in [8, 16, 32] {
        for batch in [7, 64] {
            let mut trainer =
                Trainer::new(model(f), AdamW::default(), batch, 1).expect("one thread");
            let images = noise(batch * 784);
            let labels: Vec<u16> = (0..batch).map(|i| (i % 11) as u16).collect();
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(BenchmarkId::new(format!("f{f}"), batch), |b| {
                b.iter(|| trainer.step(&images, Targets::Classes(&labels), Key::new(0, 3)));
            });
        }
    }
    group.finish();
}

fn scoring(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("score");
    for f in [8, 16, 32] {
        for batch in [1, 256] {
            let mut scorer = Scorer::new(&model(f), batch, 1).expect("one thread");
            let (images, mut logits) = (noise(batch * 784), vec![0.0; batch * 11]);
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(BenchmarkId::new(format!("f{f}"), batch), |b| {
                b.iter(|| scorer.logits(&images, &mut logits));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, training, scoring);
criterion_main!(benches);
