//! What a plan takes in memory, so that what this machine cannot hold is refused before it is
//! begun.

use crate::data::Pool;
use crate::error::LearnError;
use crate::memory;
use crate::model::network::NetworkSettings;
use crate::pretrain::PretrainSettings;
use crate::run::plan::{ActiveSettings, Plan, Selection};
use crate::run::transfer::{EncoderSource, Transfer};

/// Refuses a plan on data of which a part takes more memory than this machine has.
///
/// # Errors
/// Names the setting and the estimate.
pub fn check_plan(plan: &Plan, pool: &Pool<'_>) -> Result<(), LearnError> {
    parts(plan, pool)?
        .into_iter()
        .try_for_each(|part| Ok(memory::check(&part.setting, &part.what, part.bytes)?))
}

/// One thing that a plan keeps in memory.
struct Part {
    /// The setting that makes it large, with its value.
    setting: String,
    what: String,
    bytes: f64,
}

/// What grows with a number that a person types.
fn parts(plan: &Plan, pool: &Pool<'_>) -> Result<Vec<Part>, LearnError> {
    let mut parts = Vec::new();
    let batch = plan.training.batch_size;
    let training =
        |name: &str, network: &NetworkSettings, models: usize| -> Result<Part, LearnError> {
            let architecture = network.architecture(pool.images, pool.classes)?;
            let models = models as f64;
            let setting = match models > 1.0 {
                true => format!("members = {models}"),
                false => format!("{name} = {} with batch_size = {batch}", network.width),
            };
            Ok(Part {
                setting,
                what: "training".to_owned(),
                bytes: models * memory::of_training(&architecture, batch),
            })
        };
    if let Some(Transfer { encoder: EncoderSource::Pretraining { settings, .. }, .. }) =
        &plan.transfer
    {
        parts.push(pretraining(settings, pool)?);
    }
    if plan.transfer.is_none() {
        parts.push(training("final.width", &plan.network, 1)?);
    }
    if let Selection::Active(active) = &plan.selection {
        if active.needs_model(plan.transfer.is_some())? {
            parts.push(training("loop.width", &active.network, active.members)?);
        }
        parts.extend(predictions(active, pool)?);
    }
    Ok(parts)
}

fn pretraining(settings: &PretrainSettings, pool: &Pool<'_>) -> Result<Part, LearnError> {
    let architecture = settings.architecture(pool.images).checked()?;
    let setting =
        format!("pretrain.width = {} with batch_size = {}", settings.width, settings.batch_size);
    // Two views an image.
    let bytes = memory::of_training(&architecture, 2 * settings.batch_size.min(pool.len()));
    Ok(Part { setting, what: "training the encoder".to_owned(), bytes })
}

/// The predictions of a query that hold several for every image of the pool.
fn predictions(active: &ActiveSettings, pool: &Pool<'_>) -> Result<Vec<Part>, LearnError> {
    let needs = active.needs()?;
    let (rows, classes) = (pool.len(), pool.classes);
    let part = |name: &str, each: usize, copies: f64| Part {
        setting: format!("{name} = {each}"),
        what: format!("the predictions of {rows} images"),
        bytes: copies * memory::NUMBER * rows as f64 * classes as f64 * each as f64,
    };
    let mut parts = Vec::new();
    if needs.mc_probs && active.members == 1 {
        parts.push(part("mc_samples", active.mc_samples, 1.0));
    }
    // Members and views predict one after the other, and are put together then.
    if (needs.mc_probs || needs.probs) && active.members > 1 {
        parts.push(part("members", active.members, 2.0));
    }
    if needs.views {
        parts.push(part("views", active.views, 2.0));
    }
    if active.strategy == memory::BATCHBALD {
        let (draws, samples) = (active.options.draws, active.mc_samples.max(active.members));
        let bytes = memory::of_joint(draws, classes, active.query_size, samples);
        parts.push(Part {
            setting: format!("draws = {draws}"),
            what: memory::JOINT.to_owned(),
            bytes,
        });
    }
    Ok(parts)
}
