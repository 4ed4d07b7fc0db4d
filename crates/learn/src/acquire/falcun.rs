//! `falcun`: uncertain images whose predictions differ from each other's.

use super::margin::greatest_two;
use super::parallel::fill;
use super::strategy::{checked_pool, draw};
use super::{AcquireError, Inputs, Needs, Picks, Query, Strategy};

/// Draws with a chance proportional to (u + d)^10: u = 1 - margin, d at first u, then the L1
/// distance of the prediction from the nearest chosen one, brought to [0, 1] at every step.
///
/// Score: u + d when drawn. `probs` [n, classes]. O(batch n classes) time, O(n) memory. Gilhuber
/// 2024. Diverse in predictions only: different images with equal predictions look the same to it.
pub(crate) struct Falcun;

impl Strategy for Falcun {
    fn name(&self) -> &str {
        "falcun"
    }

    fn needs(&self) -> Needs {
        Needs::PROBS
    }

    fn pick(
        &self,
        inputs: &Inputs,
        pool: &[u32],
        query: &Query,
        threads: usize,
    ) -> Result<Picks, AcquireError> {
        let pool = checked_pool(self, inputs, pool, query.batch)?;
        let probs = inputs.mean_probs(self.name())?;
        let probs = probs.rows();
        let uncertainty = |&image: &u32| {
            let (first, second) = greatest_two(probs.row(image));
            1.0 - (f64::from(first) - f64::from(second))
        };
        let unsure: Vec<f64> = pool.iter().map(uncertainty).collect();
        let mut distances = unsure.clone();
        let mut taken = vec![false; pool.len()];
        let mut picks = Picks::none("relevance");
        picks.all_equal = probs.are_alike(&pool);
        while picks.indices.len() < query.batch {
            let relevance = |at: usize| unsure[at] + distances[at];
            let weight =
                |at: usize| if taken[at] { -1.0 } else { tenth_power(relevance(at).max(0.0)) };
            let weights: Vec<f64> = (0..pool.len()).map(weight).collect();
            let u = draw(query.key, picks.indices.len() as u64).stream().unit_f64();
            let at = query.order().drawn(&pool, &weights, u);
            taken[at] = true;
            picks.indices.push(pool[at]);
            picks.scores.push(relevance(at));
            let centre = probs.row(pool[at]);
            fill(&mut distances, threads, |first, distances| {
                for (distance, &image) in distances.iter_mut().zip(&pool[first..]) {
                    *distance = distance.min(l1(probs.row(image), centre));
                }
            });
            rescale(&mut distances);
        }
        Ok(picks)
    }
}

fn tenth_power(x: f64) -> f64 {
    let square = x * x;
    let fourth = square * square;
    fourth * fourth * square
}

fn l1(p: &[f32], q: &[f32]) -> f64 {
    p.iter().zip(q).map(|(&a, &b)| f64::from((a - b).abs())).sum()
}

/// Brings values to [0, 1]; equal ones to 0.
fn rescale(values: &mut [f64]) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let range = values.iter().copied().fold(0.0, f64::max) - least;
    values
        .iter_mut()
        .for_each(|value| *value = if range > 0.0 { (*value - least) / range } else { 0.0 });
}

#[cfg(test)]
mod tests {
    use super::super::Rows;
    use super::*;
    use fewlabel_engine::rng::Key;

    #[test]
    fn picks_are_those_of_the_definition_step_by_step() {
        let (n, classes, batch) = (40, 3, 12);
        let mut stream = Key::new(91, 0).stream();
        let mut probs: Vec<f32> = (0..n * classes).map(|_| stream.uniform(-3.0, 3.0)).collect();
        fewlabel_engine::vector::softmax_rows(&mut probs, classes);
        let rows = Rows::new(&probs, classes);
        let inputs = Inputs { probs: Some(rows), ..Inputs::default() };
        let pool: Vec<u32> = (0..n as u32).collect();
        let key = Key::new(2, 2);
        let picks = Falcun.pick(&inputs, &pool, &Query::new(batch, key), 1).unwrap();
        let unsure = |i: usize| {
            let mut sorted: Vec<f64> = rows.row(i as u32).iter().map(|&p| f64::from(p)).collect();
            sorted.sort_by(f64::total_cmp);
            1.0 - (sorted[classes - 1] - sorted[classes - 2])
        };
        let mut distance: Vec<f64> = (0..n).map(unsure).collect();
        for (step, (&index, &score)) in picks.indices.iter().zip(&picks.scores).enumerate() {
            let chosen = &picks.indices[..step];
            let weight = |i: usize| {
                if chosen.contains(&(i as u32)) { 0.0 } else { (unsure(i) + distance[i]).powi(10) }
            };
            let total: f64 = (0..n).map(weight).sum();
            let target = draw(key, step as u64).stream().unit_f64() * total;
            let reached = |i: &usize| (0..=*i).map(weight).sum::<f64>() > target;
            assert_eq!(index as usize, (0..n).find(reached).unwrap());
            assert!((score - (unsure(index as usize) + distance[index as usize])).abs() < 1e-6);
            let from = |i: usize| l1(rows.row(i as u32), rows.row(index));
            distance.iter_mut().enumerate().for_each(|(i, d)| *d = d.min(from(i)));
            rescale(&mut distance);
        }
    }

    #[test]
    fn distances_are_brought_to_the_unit_interval() {
        let mut values = [2.0, 1.0, 3.0];
        rescale(&mut values);
        assert_eq!(values, [0.5, 0.0, 1.0]);
    }
}
