//! What lies on a person's desk: the images that were handed out and wait for an answer, and the
//! one that comes next.
//!
//! Next is, in this order: an image that was taken back; a reserved one, where one is due
//! ([`due`]); what the strategy has chosen; a skipped one whose turn has come. Where the strategy
//! has nothing ready an image drawn at random stands in for its choice, so that nobody waits.

use crate::labelling::event::{ImageId, Said};
use crate::labelling::reserve::due;
use crate::labelling::state::State;
use std::collections::{HashSet, VecDeque};

/// Answers until a skipped image comes back.
const COMES_BACK: usize = 20;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// Handed out, in the order in which they are shown.
    waiting: VecDeque<ImageId>,
    /// Chosen by the strategy, not handed out yet.
    chosen: VecDeque<ImageId>,
    /// Skipped ones, and how many answers there were then.
    skipped: VecDeque<(ImageId, usize)>,
    /// Images to judge by, in the order of their draws.
    reserved: VecDeque<ImageId>,
    /// All others, in the order of theirs.
    others: VecDeque<ImageId>,
    /// Whether a strategy has chosen at all.
    has_chosen: bool,
    /// Images that no answer can be asked for any more, for a reason that no event tells.
    withdrawn: HashSet<ImageId>,
}

/// Whether the desk may hand out random images in place of a strategy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chooser {
    /// A strategy is about to choose: it is worth a moment.
    Soon,
    /// None is, or it takes too long.
    Absent,
}

impl Desk {
    /// Puts the images of a project in their order. What was handed out stays.
    pub(crate) fn sort(&mut self, state: &State) {
        let mut open: Vec<_> = state.images.iter().filter(|image| !image.is_answered()).collect();
        open.sort_by(|a, b| a.draw.order.total_cmp(&b.draw.order).then(a.id.cmp(&b.id)));
        let of = |reserved: bool| {
            let those = open.iter().filter(move |image| image.draw.is_reserved == reserved);
            those.map(|image| image.id).collect::<VecDeque<_>>()
        };
        (self.reserved, self.others) = (of(true), of(false));
        let skipped = open.iter().filter(|image| image.said() == Some(Said::Skip));
        let missing: Vec<ImageId> = skipped
            .map(|image| image.id)
            .filter(|id| !self.skipped.iter().any(|(known, _)| known == id))
            .collect();
        self.skipped.extend(missing.into_iter().map(|id| (id, 0)));
    }

    /// How many of the strategy's choices are not handed out yet.
    pub(crate) fn ahead(&self) -> usize {
        self.chosen.len()
    }

    /// Takes up what the strategy chose, best first.
    pub(crate) fn choose(&mut self, chosen: impl IntoIterator<Item = ImageId>) {
        self.chosen.extend(chosen);
        self.has_chosen = true;
    }

    /// Whether a strategy has chosen, now or before.
    pub(crate) fn has_chosen(&self) -> bool {
        self.has_chosen
    }

    /// Forgets what an earlier strategy chose and nobody has seen.
    pub(crate) fn forget_choices(&mut self) {
        self.chosen.clear();
    }

    /// The images that wait for an answer.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = ImageId> + '_ {
        self.waiting.iter().copied()
    }

    /// The first `count` images to show, of which as many are handed out anew as are missing.
    pub(crate) fn next(&mut self, state: &State, count: usize, chooser: Chooser) -> Vec<ImageId> {
        self.waiting.retain(|id| !self.withdrawn.contains(id));
        while self.waiting.len() < count {
            let Some(id) = self.draw(state, chooser) else { break };
            self.waiting.push_back(id);
        }
        self.waiting.iter().take(count).copied().collect()
    }

    fn draw(&mut self, state: &State, chooser: Chooser) -> Option<ImageId> {
        let waiting: HashSet<ImageId> = self.waiting.iter().copied().collect();
        let withdrawn = &self.withdrawn;
        let free = |id: &ImageId| {
            let is_new = state.image(*id).is_some_and(|image| image.answer().is_none());
            is_new && !waiting.contains(id) && !withdrawn.contains(id)
        };
        let first = |list: &mut VecDeque<ImageId>| {
            std::iter::from_fn(|| list.pop_front()).find(|id| free(id))
        };
        let is_reserved =
            |id: &ImageId| state.image(*id).is_some_and(|image| image.draw.is_reserved);
        let asked = state.course.len() + waiting.len();
        let held = state.course.iter().map(|(_, id)| id).chain(&waiting);
        if held.filter(|id| is_reserved(id)).count() < due(asked + 1)
            && let Some(id) = first(&mut self.reserved)
        {
            return Some(id);
        }
        let answers = state.course.len();
        if let Some(&(id, at)) = self.skipped.front()
            && at + COMES_BACK <= answers
        {
            self.skipped.pop_front();
            if comes_back(state, id) && !waiting.contains(&id) {
                return Some(id);
            }
        }
        if let Some(id) = first(&mut self.chosen) {
            return Some(id);
        }
        if chooser == Chooser::Soon {
            return None;
        }
        first(&mut self.others).or_else(|| first(&mut self.reserved)).or_else(|| {
            let all = std::iter::from_fn(|| self.skipped.pop_front()).map(|(id, _)| id);
            all.into_iter().find(|&id| comes_back(state, id) && !waiting.contains(&id))
        })
    }

    /// An image was answered: it leaves the desk, and comes back later where it was skipped.
    pub(crate) fn answered(&mut self, state: &State, id: ImageId, said: Said) {
        self.waiting.retain(|waiting| *waiting != id);
        self.skipped.retain(|(skipped, _)| *skipped != id);
        if said == Said::Skip {
            self.skipped.push_back((id, state.course.len()));
        }
    }

    /// An answer was taken back: its image is the next one.
    pub(crate) fn taken_back(&mut self, id: ImageId) {
        self.waiting.retain(|waiting| *waiting != id);
        self.skipped.retain(|(skipped, _)| *skipped != id);
        self.waiting.push_front(id);
    }

    /// An image cannot be shown: it is never handed out again.
    pub(crate) fn withdraw(&mut self, id: ImageId) {
        self.withdrawn.insert(id);
        self.waiting.retain(|waiting| *waiting != id);
    }

    /// Images that nobody has answered and that can be shown.
    pub(crate) fn left(&self, state: &State) -> usize {
        let open = |image: &&crate::labelling::state::Image| {
            !image.is_answered() && !self.withdrawn.contains(&image.id)
        };
        state.images.iter().filter(open).count()
    }

    /// Whether an image was withdrawn.
    pub(crate) fn is_withdrawn(&self, id: ImageId) -> bool {
        self.withdrawn.contains(&id)
    }
}

fn comes_back(state: &State, id: ImageId) -> bool {
    state.image(id).is_some_and(|image| image.said() == Some(Said::Skip))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labelling::event::{Event, Given, Kept};
    use crate::labelling::store::StoredImage;

    struct Table {
        state: State,
        desk: Desk,
        seq: i64,
    }

    impl Table {
        fn of(images: i64) -> Self {
            let mut state = State::new(1);
            state.add_images((1..=images).map(|id| StoredImage {
                id,
                name: format!("{id}.png"),
                group: None,
                digest: None,
            }));
            let mut desk = Desk::default();
            desk.sort(&state);
            Self { state, desk, seq: 0 }
        }

        fn answer(&mut self, image: ImageId, said: Said) {
            self.seq += 1;
            let event = Event::Answer { image, given: Given::new(said) };
            let (time, annotator) = (String::new(), String::new());
            self.state.apply(&Kept { seq: self.seq, time, annotator, event });
            self.desk.answered(&self.state, image, said);
        }

        fn next(&mut self, count: usize) -> Vec<ImageId> {
            self.desk.next(&self.state, count, Chooser::Absent)
        }
    }

    #[test]
    fn an_image_is_handed_out_until_it_is_answered_and_every_fourth_is_reserved() {
        let mut table = Table::of(400);
        let first = table.next(8);
        assert_eq!(table.next(8), first);
        let mut asked = Vec::new();
        for _ in 0..40 {
            let id = table.next(3)[0];
            table.answer(id, Said::Class(0));
            asked.push(id);
        }
        let reserved = |id: &ImageId| table.state.image(*id).unwrap().draw.is_reserved;
        let places: Vec<usize> = (0..40).filter(|&i| reserved(&asked[i])).collect();
        assert_eq!(places, (0..10).map(|i| 4 * i + 3).collect::<Vec<_>>());
        let unlike: HashSet<_> = asked.iter().collect();
        assert_eq!(unlike.len(), 40);
    }

    #[test]
    fn choices_come_before_chance_and_a_skipped_image_comes_back() {
        let mut table = Table::of(60);
        let others: Vec<ImageId> = table.desk.others.iter().copied().collect();
        let chosen = [others[30], others[20], others[10]];
        assert!(table.desk.next(&table.state, 2, Chooser::Soon).is_empty());
        table.desk.choose(chosen);
        assert_eq!(table.next(3), chosen);
        table.answer(chosen[0], Said::Skip);
        table.answer(chosen[1], Said::Class(0));
        table.desk.taken_back(chosen[1]);
        assert_eq!(table.next(2), [chosen[1], chosen[2]]);
        let mut seen = Vec::new();
        for _ in 0..70 {
            let Some(&id) = table.next(1).first() else { break };
            table.answer(id, Said::Class(0));
            seen.push(id);
        }
        let place = seen.iter().position(|id| *id == chosen[0]).unwrap();
        assert!((19..24).contains(&place), "{place}");
        assert_eq!((seen.len(), table.desk.left(&table.state)), (60, 0));
    }
}
