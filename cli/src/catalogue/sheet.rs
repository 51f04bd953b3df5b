//! The sources of a catalogue with their totals, budget and report.

use super::{Budget, Counts, Item, ItemState, Reason, Report};
use crate::Result;

/// Sources, and what became of them.
#[derive(Debug)]
pub struct Catalogue {
    items: Vec<Item>,
    counts: Counts,
    budget: Budget,
    report: Option<Report>,
}

/// Totals of the sources that are left.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Left {
    /// Their size in bytes, as far as it is known.
    pub size: u64,
    /// Their estimated duration in seconds.
    pub seconds: f64,
    /// Their estimated cost in US dollars.
    pub usd: f64,
}

impl Catalogue {
    /// A catalogue whose earlier videos count for the budget.
    pub fn new(items: Vec<Item>, mut budget: Budget, report: Option<Report>) -> Self {
        for item in &items {
            budget.add_item(item);
        }
        Self {
            counts: Counts::of(&items),
            items,
            budget,
            report,
        }
    }

    /// The sources.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The number of sources by what became of them.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The costs, and the base of the estimates.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Totals of what is left.
    pub fn left(&self) -> Left {
        let mut left = Left::default();
        for item in self.items.iter().filter(|it| it.state.is_left()) {
            let estimate = self.budget.estimate(item);
            left.size = left.size.saturating_add(item.size);
            left.seconds += estimate.seconds;
            left.usd += estimate.usd;
        }
        left
    }

    /// Whether the budget suffices for a source while others are under way.
    pub(super) fn may_send(&self, index: usize, under_way: &[usize]) -> bool {
        let usd = |it: &usize| self.budget.estimate(&self.items[*it]).usd;
        self.budget
            .allows(under_way.iter().map(usd).sum(), usd(&index))
    }

    /// Replaces what is known about a source, except its state.
    pub(super) fn replace(&mut self, index: usize, found: Item) {
        let state = self.items[index].state.clone();
        self.items[index] = Item { state, ..found };
    }

    /// Adds the cost of a source's video, if it is known.
    pub(super) fn add_cost(&mut self, index: usize) {
        self.budget.add_item(&self.items[index]);
    }

    pub(super) fn item_mut(&mut self, index: usize) -> &mut Item {
        &mut self.items[index]
    }

    pub(super) fn change(&mut self, index: usize, state: ItemState, problem: Option<String>) {
        let item = &mut self.items[index];
        *self.counts.of_state(&item.state) -= 1;
        *self.counts.of_state(&state) += 1;
        item.state = state;
        item.problem = problem;
        if let Some(report) = &mut self.report {
            report.outdate();
        }
    }

    /// Notes why the other sources were not sent, and writes the report.
    pub(super) fn leave(&mut self, reason: Reason) -> Result {
        for item in &mut self.items {
            if matches!(item.state, ItemState::Waiting(_) | ItemState::Preparing) {
                item.state = ItemState::NotStarted(reason);
            }
        }
        self.counts = Counts::of(&self.items);
        self.save()
    }

    pub(super) fn save_if_due(&mut self) -> anyhow::Result<()> {
        match &mut self.report {
            Some(report) => report.save_if_due(&self.items),
            None => Ok(()),
        }
    }

    pub(super) fn save(&mut self) -> Result {
        match &mut self.report {
            Some(report) => Ok(report.save(&self.items)?),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::estimate::Measured;
    use domain::job::Mode;

    use super::*;
    use crate::catalogue::cases::object;

    #[test]
    fn what_is_prepared_when_the_run_ends_is_left() {
        let items = vec![
            object("a", ItemState::Preparing),
            object("b", ItemState::Waiting(None)),
            object("c", ItemState::InFlight),
        ];
        let budget = Budget::new(None, Mode::Abr, Measured::default());
        let mut catalogue = Catalogue::new(items, budget, None);
        assert_eq!(
            (catalogue.counts().in_flight, catalogue.counts().left),
            (2, 1)
        );
        assert_eq!(catalogue.left().size, 5);
        catalogue.leave(Reason::Interrupted).unwrap();
        assert_eq!(
            (catalogue.counts().in_flight, catalogue.counts().left),
            (1, 2)
        );
        assert_eq!(catalogue.left().size, 10);
    }
}
