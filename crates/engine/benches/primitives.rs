//! The vector and image primitives that strategies and augmentation use, at the sizes they use.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fewlabel_engine::image::{Border, Field, Filter, Resampler, Sampling, Shape};
use fewlabel_engine::rng::Key;
use fewlabel_engine::vector;
use std::hint::black_box;

/// Images of a pool, classes, and the features of the paper's small and of a large model.
const ROWS: usize = 1024;
const CLASSES: usize = 11;
const DIM: usize = 64;

fn noise(n: usize, name: u64) -> Vec<f32> {
    let mut stream = Key::new(0, name).stream();
    (0..n).map(|_| stream.unit()).collect()
}

fn rows(criterion: &mut Criterion) {
    let (features, centres, logits) =
        (noise(ROWS * DIM, 1), noise(16 * DIM, 2), noise(ROWS * CLASSES, 3));
    let mut group = criterion.benchmark_group("vector");
    group.throughput(Throughput::Elements(ROWS as u64));
    let mut out = vec![0.0; ROWS];
    group.bench_function("dots", |b| {
        b.iter(|| vector::dots(black_box(&features[..DIM]), &features, &mut out))
    });
    group.bench_function("squared_distances", |b| {
        b.iter(|| vector::squared_distances(black_box(&features[..DIM]), &features, &mut out));
    });
    let mut product = vec![0.0; ROWS * 16];
    group.bench_function("products_of_rows", |b| {
        b.iter(|| vector::products_of_rows(DIM, black_box(&features), &centres, &mut product));
    });
    group.bench_function("product", |b| {
        b.iter(|| vector::product(DIM, black_box(&features), &centres, &mut product))
    });
    let mut sums = vec![0.0; ROWS];
    group.bench_function("xlogy_sums", |b| {
        b.iter(|| vector::xlogy_sums(black_box(&logits), CLASSES, &mut sums))
    });
    let mut in_place = |name: &str, change: fn(&mut [f32])| {
        group.bench_function(name, |b| {
            b.iter_batched_ref(|| logits.clone(), |x| change(x), BatchSize::SmallInput)
        });
    };
    in_place("exp", vector::exp);
    in_place("ln", vector::ln);
    in_place("softmax_rows", |x| vector::softmax_rows(x, CLASSES));
    group.finish();
}

fn images(criterion: &mut Criterion) {
    for (name, channels) in [("image", 1), ("image_rgb", 3)] {
        let shape = Shape { height: 28, width: 28, channels };
        let source = noise(shape.len(), 4);
        let (dx, dy) = (noise(shape.pixels(), 5), noise(shape.pixels(), 6));
        let mut resampler = Resampler::new(shape);
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(1));
        let mut image = source.clone();
        let turn = [0.9, -0.3, 0.5, 0.3, 0.9, -0.5];
        for (name, sampling) in
            [("affine_bilinear", Sampling::Bilinear), ("affine_nearest", Sampling::Nearest)]
        {
            group.bench_function(name, |b| {
                b.iter(|| {
                    resampler.affine(black_box(&mut image), &turn, sampling, Border::Replicate)
                });
            });
        }
        image.copy_from_slice(&source);
        group.bench_function("displace_bilinear", |b| {
            let field = Field { dx: &dx, dy: &dy, scale: 3.0 };
            b.iter(|| {
                resampler.displace(
                    black_box(&mut image),
                    field,
                    Sampling::Bilinear,
                    Border::Replicate,
                )
            });
        });
        image.copy_from_slice(&source);
        for radius in [3, 12] {
            let mut filter = Filter::new(shape, radius);
            let half = vec![1.0 / (2 * radius + 1) as f32; radius + 1];
            group.bench_function(format!("separable_radius_{radius}"), |b| {
                b.iter(|| filter.separable(black_box(&mut image), &half));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, rows, images);
criterion_main!(benches);
