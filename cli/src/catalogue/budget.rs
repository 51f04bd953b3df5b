//! What a catalogue may cost.

use domain::estimate::{Basis, Estimate, Measured};
use domain::job::Mode;

use super::{Item, ItemState};

/// The one-time costs of a catalogue, earlier runs included, and their limit. US dollars.
#[derive(Debug, Clone)]
pub struct Budget {
    limit: Option<f64>,
    mode: Mode,
    spent: f64,
    /// The videos of this catalogue.
    own: Measured,
    /// Other videos of the installation, for the time before the first of our own.
    others: Measured,
}

impl Budget {
    /// A budget of `limit`; `None`: unlimited. `mode`: the mode of the videos. `others`: earlier videos of the
    /// installation.
    pub fn new(limit: Option<f64>, mode: Mode, others: Measured) -> Self {
        Self {
            limit,
            mode,
            spent: 0.0,
            own: Measured::default(),
            others,
        }
    }

    /// The costs of the finished videos.
    pub fn spent(&self) -> f64 {
        self.spent
    }

    /// Adds the cost of a source's video, if it is known. The size of an object that was replaced is not that of the
    /// source of its video, so it is not a measurement.
    pub fn add_item(&mut self, item: &Item) {
        if let Some(usd) = item.usd {
            let seconds = item.seconds.filter(|_| item.state != ItemState::Changed);
            self.add(item.size, seconds, usd);
        }
    }

    /// Adds a finished video: the size of its source in bytes, its duration in seconds, and its cost.
    pub fn add(&mut self, bytes: u64, seconds: Option<f64>, usd: f64) {
        self.spent += usd;
        if let Some(seconds) = seconds {
            self.own.add(bytes, seconds, usd);
        }
    }

    /// The base of the estimates.
    pub fn basis(&self) -> Basis {
        self.measured().basis()
    }

    /// The estimate for a source: by its duration if that is known, or else by its size.
    pub fn estimate(&self, item: &Item) -> Estimate {
        match item.asset.as_ref().and_then(|it| it.seconds) {
            Some(seconds) => self.measured().estimate_by_duration(seconds, self.mode),
            None => self.measured().estimate(item.size, self.mode),
        }
    }

    /// Whether a source may be sent that will cost `next` USD, while sources are under way that will cost `under_way`
    /// USD.
    pub fn allows(&self, under_way: f64, next: f64) -> bool {
        self.limit
            .is_none_or(|limit| self.spent + under_way + next <= limit)
    }

    fn measured(&self) -> &Measured {
        match self.own.basis() {
            Basis::Measured(_) => &self.own,
            Basis::Assumed => &self.others,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Asset;
    use crate::catalogue::cases::object;

    fn of_size(size: u64) -> Item {
        Item {
            size,
            ..object("a.mp4", ItemState::Waiting(None))
        }
    }

    /// Whether sources of these sizes (bytes) may be under way together.
    fn allows(budget: &Budget, under_way: u64, next: u64) -> bool {
        let usd = |size: u64| budget.estimate(&of_size(size)).usd;
        budget.allows(usd(under_way), usd(next))
    }

    #[test]
    fn the_limit_holds_for_what_is_spent_and_what_is_under_way() {
        let mut others = Measured::default();
        others.add(1_000, 1.0, 1.0);
        let mut budget = Budget::new(Some(10.0), Mode::Abr, others);
        assert!(allows(&budget, 9_000, 1_000), "a dollar for 1,000 bytes");
        assert!(!allows(&budget, 9_000, 1_001));
        assert_eq!(budget.basis(), Basis::Measured(1));
        // Its own videos are cheaper than the others.
        budget.add(1_000, Some(1.0), 0.5);
        assert!((budget.spent() - 0.5).abs() < 1e-12);
        assert!(allows(&budget, 18_000, 1_000));
        assert!(!allows(&budget, 19_000, 1_000));
        // A cost without a duration counts too.
        budget.add(1_000, None, 9.0);
        assert!(!allows(&budget, 1_000, 1_000));
    }

    #[test]
    fn a_replaced_object_adds_only_its_cost() {
        let item = |state: ItemState, usd: Option<f64>| Item {
            size: 1_000,
            seconds: Some(1.0),
            usd,
            ..object("a.mp4", state)
        };
        let mut budget = Budget::new(None, Mode::Abr, Measured::default());
        budget.add_item(&item(ItemState::Changed, Some(0.5)));
        assert_eq!(budget.basis(), Basis::Assumed);
        budget.add_item(&item(ItemState::InFlight, None));
        budget.add_item(&item(ItemState::Ready, Some(0.25)));
        assert_eq!(budget.basis(), Basis::Measured(1));
        assert!((budget.spent() - 0.75).abs() < 1e-12);
    }

    #[test]
    fn the_duration_of_an_asset_decides() {
        let mut others = Measured::default();
        others.add(1_000, 10.0, 1.0);
        let budget = Budget::new(None, Mode::Abr, others);
        let asset = Asset {
            seconds: Some(5.0),
            ..Asset::default()
        };
        let item = Item {
            asset: Some(Box::new(asset)),
            ..of_size(0)
        };
        assert!((budget.estimate(&item).usd - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_limit_of_nothing_permits_nothing() {
        let nothing = Budget::new(Some(0.0), Mode::Abr, Measured::default());
        assert_eq!(nothing.basis(), Basis::Assumed);
        assert!(!allows(&nothing, 0, 1_000_000));
        let unlimited = Budget::new(None, Mode::Abr, Measured::default());
        assert!(allows(&unlimited, u64::MAX, u64::MAX));
    }
}
