//! Sends objects and follows their videos.

use std::time::{Duration, Instant};

use api_types::videos::Video;
use domain::state::StateName;
use futures::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::inventory::{AT_ONCE, Inventory, again, outcome};
use super::request::{body_of, create, is_missing, is_of_object, is_passing};
use super::{Budget, ConvertOptions, Counts, Item, ItemState, Reason, Report};
use crate::Result;
use crate::api::{Api, ApiError};

/// Time between two looks at the videos.
const INTERVAL: Duration = Duration::from_millis(500);
/// How long a run waits for an API that does not respond.
const PATIENCE: Duration = Duration::from_secs(600);

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every object was sent, and every video has ended.
    Done,
    /// The budget does not suffice for the next object.
    Budget,
    /// A signal.
    Interrupted,
}

/// What a run reports.
#[derive(Debug)]
pub enum Notice<'a> {
    /// An object has another state.
    Changed(&'a Item),
    /// The API does not respond. The run continues when it does.
    Outage(&'a ApiError),
}

/// A conversion of the objects of an inventory.
pub struct Engine<'a> {
    api: &'a Api,
    options: ConvertOptions,
    items: Vec<Item>,
    counts: Counts,
    budget: Budget,
    report: Option<Report>,
    /// Positions of the objects whose videos are being made.
    in_flight: Vec<usize>,
    /// No object before this position waits.
    next: usize,
    /// The time since which the API does not respond.
    outage: Option<Instant>,
}

impl<'a> Engine<'a> {
    /// A conversion that continues where an earlier one ended.
    pub fn new(
        api: &'a Api,
        options: ConvertOptions,
        inventory: Inventory,
        limit: Option<f64>,
        report: Option<Report>,
    ) -> Self {
        let items = inventory.items;
        let mode = options.mode.unwrap_or_default();
        let mut budget = Budget::new(limit, mode, inventory.others);
        for item in &items {
            budget.add_item(item);
        }
        let is_in_flight = |it: &usize| items[*it].state == ItemState::InFlight;
        Self {
            api,
            options,
            counts: Counts::of(&items),
            in_flight: (0..items.len()).filter(is_in_flight).collect(),
            items,
            budget,
            report,
            next: 0,
            outage: None,
        }
    }

    /// The objects.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The number of objects by what became of them.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The costs, and the base of the estimates.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Writes the report of a dry run.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn end_dry_run(&mut self) -> Result {
        self.leave(Reason::DryRun)
    }

    /// Converts until all is done, the budget does not suffice, or `stop`. Objects that were not sent are reported
    /// as such.
    ///
    /// # Errors
    /// If the API rejects the settings of the videos or does not respond for ten minutes, or the report cannot be
    /// written. What is in flight goes on in the installation.
    pub async fn run(
        &mut self,
        stop: &CancellationToken,
        watch: &mut impl FnMut(Notice<'_>, &Self),
    ) -> Result<Ended> {
        let result = self.work(stop, watch).await;
        let left = match &result {
            Ok(Ended::Done) => self.save(),
            Ok(Ended::Budget) => self.leave(Reason::Budget),
            Ok(Ended::Interrupted) => self.leave(Reason::Interrupted),
            Err(_) => self.leave(Reason::Error),
        };
        let ended = result?;
        left?;
        Ok(ended)
    }

    async fn work(
        &mut self,
        stop: &CancellationToken,
        watch: &mut impl FnMut(Notice<'_>, &Self),
    ) -> Result<Ended> {
        self.save()?;
        loop {
            // A request that is cut off here is repeated by the next run, with the same key.
            let step = tokio::select! {
                step = self.step(watch) => step,
                () = stop.cancelled() => return Ok(Ended::Interrupted),
            };
            match step {
                Ok(Some(ended)) => return Ok(ended),
                Ok(None) => {}
                Err(error) => self.note_outage(error, watch)?,
            }
            self.save_if_due()?;
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = stop.cancelled() => return Ok(Ended::Interrupted),
            }
        }
    }

    /// Notes that a request failed. Returns the error, unless the same request may succeed later and the API has not
    /// responded for less than ten minutes.
    fn note_outage(
        &mut self,
        error: anyhow::Error,
        watch: &mut impl FnMut(Notice<'_>, &Self),
    ) -> anyhow::Result<()> {
        let passing = error.downcast_ref::<ApiError>().filter(|it| is_passing(it));
        let Some(problem) = passing else {
            return Err(error);
        };
        match self.outage {
            None => {
                watch(Notice::Outage(problem), self);
                self.outage = Some(Instant::now());
                Ok(())
            }
            Some(since) if since.elapsed() < PATIENCE => Ok(()),
            Some(_) => Err(error),
        }
    }

    /// Sends what may be sent, and looks at what is in flight. Returns how the run ended, if it did. Its errors are
    /// those of the API and of the report.
    async fn step(
        &mut self,
        watch: &mut impl FnMut(Notice<'_>, &Self),
    ) -> anyhow::Result<Option<Ended>> {
        loop {
            let mut is_over_budget = false;
            while self.in_flight.len() < self.options.rate.max(1) {
                let Some(index) = self.next_waiting() else {
                    break;
                };
                let under_way = self.in_flight.iter().map(|it| self.items[*it].size).sum();
                is_over_budget = !self.budget.allows(under_way, self.items[index].size);
                if is_over_budget {
                    break;
                }
                self.send(index, watch).await?;
                self.outage = None;
                self.save_if_due()?;
            }
            if self.in_flight.is_empty() {
                return Ok(Some(match is_over_budget {
                    true => Ended::Budget,
                    false => Ended::Done,
                }));
            }
            let has_ended = self.follow(watch).await?;
            self.save_if_due()?;
            if !has_ended {
                return Ok(None);
            }
        }
    }

    fn next_waiting(&mut self) -> Option<usize> {
        let is_waiting = |it: &Item| matches!(it.state, ItemState::Waiting(_));
        let ahead = self.items[self.next..].iter().position(is_waiting);
        self.next = ahead.map_or(self.items.len(), |it| self.next + it);
        ahead.map(|_| self.next)
    }

    /// Requests the conversion of an object, unless another client has made a video of it since it was listed.
    async fn send(
        &mut self,
        index: usize,
        watch: &mut impl FnMut(Notice<'_>, &Self),
    ) -> std::result::Result<(), ApiError> {
        let found = again(self.api, &self.items[index].key).await?;
        if let Some(found) = found
            && self.take_over(index, found, watch)
        {
            return Ok(());
        }
        let item = &self.items[index];
        let body = body_of(item, &self.options);
        match create(self.api, &body, &item.etag).await {
            Ok(video) => {
                self.items[index].video = Some(video.summary.id);
                self.in_flight.push(index);
                self.change(index, ItemState::InFlight, None, watch);
                self.settle(index, &video, watch);
                Ok(())
            }
            Err(error) if is_of_object(&error) => {
                let problem = Some(error.to_string());
                self.change(index, ItemState::Failed, problem, watch);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Notes what an object that waits is now. Returns whether it needs no request any more.
    fn take_over(
        &mut self,
        index: usize,
        mut found: Item,
        watch: &mut impl FnMut(Notice<'_>, &Self),
    ) -> bool {
        let item = &mut self.items[index];
        if matches!(found.state, ItemState::Waiting(_)) {
            *item = found;
            return false;
        }
        self.budget.add_item(&found);
        // `change` counts the object in its new state.
        let state = std::mem::replace(&mut found.state, item.state.clone());
        let problem = found.problem.take();
        *item = found;
        if state == ItemState::InFlight {
            self.in_flight.push(index);
        }
        self.change(index, state, problem, watch);
        true
    }

    /// Looks at the videos in flight. Returns whether one of them has ended.
    async fn follow(
        &mut self,
        watch: &mut impl FnMut(Notice<'_>, &Self),
    ) -> std::result::Result<bool, ApiError> {
        let api = self.api;
        let videos: Vec<_> = self
            .in_flight
            .iter()
            .filter_map(|it| Some((*it, self.items[*it].video?)))
            .collect();
        let looks = videos
            .into_iter()
            .map(|(index, id)| async move { (index, api.video(id).await) });
        let looks: Vec<_> = futures::stream::iter(looks)
            .buffered(AT_ONCE)
            .collect()
            .await;
        let before = self.in_flight.len();
        let (mut failed, mut responds) = (None, false);
        for (index, look) in looks {
            match look {
                Ok(video) => {
                    responds = true;
                    self.settle(index, &video, watch);
                }
                Err(error) if is_missing(&error) => {
                    responds = true;
                    let (state, problem) = outcome(StateName::Deleted, None);
                    self.change(index, state, problem, watch);
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) => {
                if responds {
                    // The ten minutes begin again, without another notice.
                    self.outage = self.outage.map(|_| Instant::now());
                }
                Err(error)
            }
            None => {
                self.outage = None;
                Ok(self.in_flight.len() < before)
            }
        }
    }

    /// Notes the state of a video.
    fn settle(&mut self, index: usize, video: &Video, watch: &mut impl FnMut(Notice<'_>, &Self)) {
        let summary = &video.summary;
        let (state, problem) = outcome(summary.state, summary.failure.as_ref());
        if state == ItemState::InFlight {
            return;
        }
        let item = &mut self.items[index];
        item.seconds = summary.duration_seconds;
        item.usd = video.receipt.as_ref().map(|it| it.cost.once_usd());
        self.budget.add_item(item);
        self.change(index, state, problem, watch);
    }

    fn change(
        &mut self,
        index: usize,
        state: ItemState,
        problem: Option<String>,
        watch: &mut impl FnMut(Notice<'_>, &Self),
    ) {
        let item = &mut self.items[index];
        *self.counts.of_state(&item.state) -= 1;
        *self.counts.of_state(&state) += 1;
        item.state = state;
        item.problem = problem;
        let items = &self.items;
        self.in_flight
            .retain(|it| items[*it].state == ItemState::InFlight);
        if let Some(report) = &mut self.report {
            report.outdate();
        }
        watch(Notice::Changed(&self.items[index]), self);
    }

    /// Notes why the other objects were not sent, and writes the report.
    fn leave(&mut self, reason: Reason) -> Result {
        for item in &mut self.items {
            if matches!(item.state, ItemState::Waiting(_)) {
                item.state = ItemState::NotStarted(reason);
            }
        }
        self.save()
    }

    fn save_if_due(&mut self) -> anyhow::Result<()> {
        match &mut self.report {
            Some(report) => report.save_if_due(&self.items),
            None => Ok(()),
        }
    }

    fn save(&mut self) -> Result {
        match &mut self.report {
            Some(report) => Ok(report.save(&self.items)?),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
