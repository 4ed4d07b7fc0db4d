//! Where each tensor lies in a model's flat memory, and how that differs from its order in a file.
//!
//! In memory channels are padded to whole vectors and come last. Convolutions are [tap, in, out],
//! fully connected layers [in, out]. The first of these reads the encoder's output by (row, column,
//! channel). Padding is zero and stays zero in training.

use crate::kernels::direct::ConvShape;
use crate::kernels::norm::Plane;
use crate::kernels::padded;
use crate::kernels::winograd::Grid;
use crate::network::architecture::Architecture;
use std::ops::Range;

/// The order of a tensor's values in memory.
#[derive(Clone, Copy, Debug)]
enum Order {
    Convolution { cin: usize, shape: ConvShape },
    Vector,
    Dense { inputs: usize, pixels: usize, channels: usize, outputs: usize },
}

/// One tensor of the file.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    /// Whether it is a running statistic, which is kept apart from the parameters.
    pub(crate) running: bool,
    /// Inputs of each output, which bound the initial values; 0 for normalisation.
    pub(crate) fan_in: usize,
    /// What a normalisation's values start as.
    pub(crate) start: f32,
    pub(crate) offset: usize,
    order: Order,
}

impl Entry {
    /// Whether it is a running variance.
    pub(crate) fn is_variance(&self) -> bool {
        self.running && self.name.ends_with(".running_var")
    }

    /// Values in the file.
    pub(crate) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Place in memory of the file's value `i`.
    pub(crate) fn position(&self, i: usize) -> usize {
        self.offset
            + match self.order {
                Order::Vector => i,
                Order::Convolution { cin, shape } => {
                    let (out, rest) = (i / (cin * 9), i % (cin * 9));
                    ((rest % 9) * shape.cin + rest / 9) * shape.cout + out
                }
                Order::Dense { inputs, pixels, channels, outputs } => {
                    let (out, k) = (i / inputs, i % inputs);
                    ((k % pixels) * channels + k / pixels) * outputs + out
                }
            }
    }
}

/// A convolution with its normalisation: ranges in the parameters, and in the running statistics.
#[derive(Clone, Debug)]
pub(crate) struct ConvSlots {
    pub(crate) shape: ConvShape,
    /// Tiles, in all but the first layer.
    pub(crate) grid: Option<Grid>,
    /// The output, and whether a pool reads it.
    pub(crate) plane: Plane,
    pub(crate) weight: Range<usize>,
    pub(crate) bias: Range<usize>,
    pub(crate) gamma: Range<usize>,
    pub(crate) beta: Range<usize>,
    pub(crate) mean: Range<usize>,
    pub(crate) var: Range<usize>,
}

impl ConvSlots {
    /// Some rows of the output.
    pub(crate) const fn rows(&self, rows: ConvShape) -> Plane {
        Plane { height: rows.height, ..self.plane }
    }
}

/// A fully connected layer; both widths as in memory.
#[derive(Clone, Debug)]
pub(crate) struct DenseSlots {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) weight: Range<usize>,
    pub(crate) bias: Range<usize>,
}

/// The whole memory of a model.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) entries: Vec<Entry>,
    pub(crate) convs: Vec<ConvSlots>,
    pub(crate) dense: Vec<DenseSlots>,
    pub(crate) parameters: usize,
    pub(crate) running: usize,
}

impl Layout {
    pub(crate) fn new(a: &Architecture) -> Self {
        let mut layout = Self {
            entries: Vec::new(),
            convs: Vec::new(),
            dense: Vec::new(),
            parameters: 0,
            running: 0,
        };
        for (i, conv) in a.convolutions().iter().enumerate() {
            let (block, place) = (i / 2 + 1, i % 2 + 1);
            let (shape, cout) = (conv.shape(i == 0), conv.cout);
            let fan = conv.cin * 9;
            let name = |part: &str| format!("block{block}.{}{place}.{}", &part[..4], &part[5..]);
            let order = Order::Convolution { cin: conv.cin, shape };
            let weights = 9 * shape.cin * shape.cout;
            let mut add = |part: &str, dims: Vec<usize>, order, len, fan, start| {
                layout.add(
                    Entry {
                        name: name(part),
                        shape: dims,
                        running: false,
                        fan_in: fan,
                        start,
                        offset: 0,
                        order,
                    },
                    len,
                )
            };
            let weight = add("conv.weight", vec![cout, conv.cin, 3, 3], order, weights, fan, 0.0);
            let bias = add("conv.bias", vec![cout], Order::Vector, shape.cout, fan, 0.0);
            let gamma = add("norm.weight", vec![cout], Order::Vector, shape.cout, 0, 1.0);
            let beta = add("norm.bias", vec![cout], Order::Vector, shape.cout, 0, 0.0);
            let mut add = |part: &str, start| {
                let (name, shape_) = (format!("block{block}.norm{place}.{part}"), vec![cout]);
                let entry = Entry {
                    name,
                    shape: shape_,
                    running: true,
                    fan_in: 0,
                    start,
                    offset: 0,
                    order: Order::Vector,
                };
                layout.add(entry, shape.cout)
            };
            let (mean, var) = (add("running_mean", 0.0), add("running_var", 1.0));
            let pool = place == 2 && block < a.block_widths.len();
            let plane =
                Plane { height: shape.height, width: shape.width, channels: shape.cout, pool };
            let grid = (i > 0).then(|| Grid::new(shape.height, shape.width, shape.cin, shape.cout));
            layout.convs.push(ConvSlots {
                shape,
                grid,
                plane,
                weight,
                bias,
                gamma,
                beta,
                mean,
                var,
            });
        }
        let (h, w) = a.encoder_side();
        let mut memory_inputs = layout.convs.last().map_or(0, |c| h * w * c.shape.cout);
        for (i, (inputs, outputs)) in a.dense().into_iter().enumerate() {
            let pixels = if i == 0 { h * w } else { 1 };
            let wide = padded(outputs);
            let order =
                Order::Dense { inputs, pixels, channels: memory_inputs / pixels, outputs: wide };
            let mut add = |part: &str, shape, order, len| {
                let name = format!("head.fc{}.{part}", i + 1);
                layout.add(
                    Entry {
                        name,
                        shape,
                        running: false,
                        fan_in: inputs,
                        start: 0.0,
                        offset: 0,
                        order,
                    },
                    len,
                )
            };
            let weight = add("weight", vec![outputs, inputs], order, memory_inputs * wide);
            let bias = add("bias", vec![outputs], Order::Vector, wide);
            layout.dense.push(DenseSlots { inputs: memory_inputs, outputs: wide, weight, bias });
            memory_inputs = wide;
        }
        layout
    }

    fn add(&mut self, mut entry: Entry, len: usize) -> Range<usize> {
        let end = if entry.running { &mut self.running } else { &mut self.parameters };
        entry.offset = *end;
        *end += len;
        self.entries.push(entry);
        *end - len..*end
    }
}
