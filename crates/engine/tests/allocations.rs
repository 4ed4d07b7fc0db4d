//! Once made, a trainer and a scorer allocate nothing.

use fewlabel_engine::{
    AdamW, Architecture, Contrastive, Model, Objective, Scorer, Targets, Trainer, rng::Key,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system allocator with the arguments as they came. Counting touches
// a thread local that is initialised at compile time and has no destructor, so that it allocates
// nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller answers for a layout whose size is not zero.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        // SAFETY: the caller answers for `p`, which `alloc` gave for this layout.
        unsafe { System.dealloc(p, layout) }
    }
    unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller answers for `p`, which `alloc` gave for this layout, and for a size
        // above zero.
        unsafe { System.realloc(p, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn steps_and_scores_allocate_nothing() {
    let network = Architecture {
        height: 28,
        width: 28,
        channels: 1,
        block_widths: vec![8, 16, 24],
        hidden: vec![64, 16],
        classes: 11,
        dropout: 0.25,
    };
    let model = Model::new(network, Key::new(0, 0)).unwrap();
    let images = vec![0.5; 40 * 784];
    let mut logits = vec![0.0; 40 * 11];
    let mut samples = vec![0.0; 40 * 11 * 3];
    let mut trainer = Trainer::new(model.clone(), AdamW::default(), 40, 1).unwrap();
    let mut scorer = Scorer::new(&model, 40, 1).unwrap();
    trainer.step(&images, Targets::Classes(&[3; 40]), Key::new(1, 0));
    let before = COUNT.with(Cell::get);
    for n in [40, 7, 2, 39] {
        trainer.step(&images[..n * 784], Targets::Classes(&[3; 40][..n]), Key::new(1, 1));
        scorer.logits(&images[..n * 784], &mut logits[..n * 11]);
        scorer.monte_carlo(&images[..n * 784], 3, Key::new(2, 0), &mut samples[..n * 33]);
    }
    assert_eq!(COUNT.with(Cell::get), before);
}

#[test]
fn contrastive_steps_allocate_nothing() {
    let network = Architecture {
        height: 14,
        width: 14,
        channels: 1,
        block_widths: vec![8, 16],
        hidden: vec![16],
        classes: 8,
        dropout: 0.0,
    };
    let views: Vec<f32> = (0..40 * 196).map(|i| (i % 97) as f32 / 97.0).collect();
    for objective in [Objective::NtXent { temperature: 0.2 }, Objective::VicReg] {
        let model = Model::new(network.clone(), Key::new(0, 0)).unwrap();
        let mut trainer = Contrastive::new(model, AdamW::default(), objective, 20, 1).unwrap();
        trainer.step(&views);
        let before = COUNT.with(Cell::get);
        for n in [20, 7, 2] {
            trainer.step(&views[..2 * n * 196]);
        }
        assert_eq!(COUNT.with(Cell::get), before);
    }
}
