//! Sends the sources of a catalogue and follows their videos.

use std::time::{Duration, Instant};

use api_types::videos::Video;
use domain::state::StateName;
use futures::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::outcome::outcome;
use super::{AT_ONCE, Catalogue, Item, ItemState, Reason};
use crate::Result;
use crate::api::{Api, ApiError};

/// Time between two looks at the videos.
const INTERVAL: Duration = Duration::from_millis(500);
/// How long a run waits for an API that does not respond.
const PATIENCE: Duration = Duration::from_secs(600);

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every source was sent, and every video has ended.
    Done,
    /// The budget does not suffice for the next source.
    Budget,
    /// A signal.
    Interrupted,
}

/// What a run reports.
#[derive(Debug)]
pub enum Notice<'a> {
    /// A source has another state.
    Changed(&'a Item),
    /// The API or another service does not respond. The run continues when it does.
    Outage(&'a anyhow::Error),
}

/// How the sources of a catalogue become videos.
pub trait Source {
    /// Looks at a waiting source again, and requests its video unless it has one. Repeated while the source is
    /// [`Sent::Preparing`].
    fn send(&self, item: &Item) -> impl Future<Output = anyhow::Result<Sent>>;

    /// Whether a request that failed with this error may succeed later.
    fn is_passing(&self, error: &anyhow::Error) -> bool {
        error
            .downcast_ref::<ApiError>()
            .is_some_and(ApiError::is_passing)
    }
}

/// What became of a source that was to be sent.
#[derive(Debug)]
pub enum Sent {
    /// It has a video already: the source with its state.
    Found(Box<Item>),
    /// Its video was requested.
    Requested(Box<Item>, Box<Video>),
    /// Another service prepares its file.
    Preparing,
    /// It gets no video in this run: its state, and the reason.
    Rejected(ItemState, String),
}

/// A run over a catalogue.
pub struct Engine<'a, S> {
    api: &'a Api,
    source: S,
    /// Sources under way at the same time; at least 1.
    rate: usize,
    catalogue: Catalogue,
    /// Positions of the sources that are under way.
    in_flight: Vec<usize>,
    /// No source before this position waits.
    next: usize,
    /// The time since which a service does not respond.
    outage: Option<Instant>,
}

impl<'a, S: Source> Engine<'a, S> {
    /// A run that continues where an earlier one ended.
    pub fn new(api: &'a Api, source: S, rate: usize, catalogue: Catalogue) -> Self {
        let items = catalogue.items();
        let is_under_way = |it: &usize| items[*it].state.is_under_way();
        Self {
            api,
            source,
            rate: rate.max(1),
            in_flight: (0..items.len()).filter(is_under_way).collect(),
            catalogue,
            next: 0,
            outage: None,
        }
    }

    /// The sources, and what became of them.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Writes the report of a dry run.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn end_dry_run(&mut self) -> Result {
        self.catalogue.leave(Reason::DryRun)
    }

    /// Sends until all is done, the budget does not suffice, or `stop`. Sources that were not sent are reported
    /// as such.
    ///
    /// # Errors
    /// If the API rejects the settings of the videos, a service does not respond for ten minutes or rejects the
    /// credentials, or the report cannot be written. What is in flight goes on in the installation.
    pub async fn run(
        &mut self,
        stop: &CancellationToken,
        watch: &mut impl FnMut(Notice<'_>, &Catalogue),
    ) -> Result<Ended> {
        let result = self.work(stop, watch).await;
        let left = match &result {
            Ok(Ended::Done) => self.catalogue.save(),
            Ok(Ended::Budget) => self.catalogue.leave(Reason::Budget),
            Ok(Ended::Interrupted) => self.catalogue.leave(Reason::Interrupted),
            Err(_) => self.catalogue.leave(Reason::Error),
        };
        let ended = result?;
        left?;
        Ok(ended)
    }

    async fn work(
        &mut self,
        stop: &CancellationToken,
        watch: &mut impl FnMut(Notice<'_>, &Catalogue),
    ) -> Result<Ended> {
        self.catalogue.save()?;
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
            self.catalogue.save_if_due()?;
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = stop.cancelled() => return Ok(Ended::Interrupted),
            }
        }
    }

    /// Notes that a request failed. Returns the error, unless the same request may succeed later and the service has
    /// not responded for less than ten minutes.
    fn note_outage(
        &mut self,
        error: anyhow::Error,
        watch: &mut impl FnMut(Notice<'_>, &Catalogue),
    ) -> anyhow::Result<()> {
        if !self.source.is_passing(&error) {
            return Err(error);
        }
        match self.outage {
            None => {
                watch(Notice::Outage(&error), &self.catalogue);
                self.outage = Some(Instant::now());
                Ok(())
            }
            Some(since) if since.elapsed() < PATIENCE => Ok(()),
            Some(_) => Err(error),
        }
    }

    /// Sends what may be sent, and looks at what is under way. Returns how the run ended, if it did. Its errors are
    /// those of the services and of the report.
    async fn step(
        &mut self,
        watch: &mut impl FnMut(Notice<'_>, &Catalogue),
    ) -> anyhow::Result<Option<Ended>> {
        loop {
            let mut is_over_budget = false;
            while self.in_flight.len() < self.rate {
                let Some(index) = self.next_waiting() else {
                    break;
                };
                is_over_budget = !self.catalogue.may_send(index, &self.in_flight);
                if is_over_budget {
                    break;
                }
                self.send(index, watch).await?;
                self.outage = None;
                self.catalogue.save_if_due()?;
            }
            if self.in_flight.is_empty() {
                return Ok(Some(match is_over_budget {
                    true => Ended::Budget,
                    false => Ended::Done,
                }));
            }
            let before = self.in_flight.len();
            self.send_prepared(watch).await?;
            self.follow(watch).await?;
            self.catalogue.save_if_due()?;
            if self.in_flight.len() == before {
                return Ok(None);
            }
        }
    }

    fn next_waiting(&mut self) -> Option<usize> {
        let items = self.catalogue.items();
        let is_waiting = |it: &Item| matches!(it.state, ItemState::Waiting(_));
        let ahead = items[self.next..].iter().position(is_waiting);
        self.next = ahead.map_or(items.len(), |it| self.next + it);
        ahead.map(|_| self.next)
    }

    /// Requests the video of a source, unless another client has made one since it was listed.
    async fn send(
        &mut self,
        index: usize,
        watch: &mut impl FnMut(Notice<'_>, &Catalogue),
    ) -> anyhow::Result<()> {
        let sent = self.source.send(&self.catalogue.items()[index]).await?;
        match sent {
            Sent::Found(mut found) => {
                let (state, problem) = (found.state.clone(), found.problem.take());
                self.catalogue.replace(index, *found);
                self.catalogue.add_cost(index);
                self.change(index, state, problem, watch);
            }
            Sent::Requested(item, video) => {
                self.catalogue.replace(index, *item);
                self.catalogue.item_mut(index).video = Some(video.summary.id);
                self.change(index, ItemState::InFlight, None, watch);
                self.settle(index, &video, watch);
            }
            Sent::Preparing if self.catalogue.items()[index].state == ItemState::Preparing => {}
            Sent::Preparing => self.change(index, ItemState::Preparing, None, watch),
            Sent::Rejected(state, problem) => self.change(index, state, Some(problem), watch),
        }
        Ok(())
    }

    /// Requests the videos of the sources whose files are prepared now.
    async fn send_prepared(
        &mut self,
        watch: &mut impl FnMut(Notice<'_>, &Catalogue),
    ) -> anyhow::Result<()> {
        let is_preparing = |it: &usize| self.catalogue.items()[*it].state == ItemState::Preparing;
        let preparing: Vec<_> = self
            .in_flight
            .iter()
            .copied()
            .filter(is_preparing)
            .collect();
        for index in preparing {
            self.send(index, watch).await?;
        }
        Ok(())
    }

    /// Looks at the videos that are being made.
    async fn follow(
        &mut self,
        watch: &mut impl FnMut(Notice<'_>, &Catalogue),
    ) -> std::result::Result<(), ApiError> {
        let api = self.api;
        let videos: Vec<_> = self
            .in_flight
            .iter()
            .filter(|it| self.catalogue.items()[**it].state == ItemState::InFlight)
            .filter_map(|it| Some((*it, self.catalogue.items()[*it].video?)))
            .collect();
        let looks = videos
            .into_iter()
            .map(|(index, id)| async move { (index, api.video(id).await) });
        let looks: Vec<_> = futures::stream::iter(looks)
            .buffered(AT_ONCE)
            .collect()
            .await;
        let (mut failed, mut responds) = (None, false);
        for (index, look) in looks {
            match look {
                Ok(video) => {
                    responds = true;
                    self.settle(index, &video, watch);
                }
                Err(error) if error.is_missing() => {
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
                Ok(())
            }
        }
    }

    /// Notes the state of a video.
    fn settle(
        &mut self,
        index: usize,
        video: &Video,
        watch: &mut impl FnMut(Notice<'_>, &Catalogue),
    ) {
        let summary = &video.summary;
        let (state, problem) = outcome(summary.state, summary.failure.as_ref());
        if state == ItemState::InFlight {
            return;
        }
        let item = self.catalogue.item_mut(index);
        item.seconds = summary.duration_seconds;
        item.usd = video.receipt.as_ref().map(|it| it.cost.once_usd());
        if item.size == 0 {
            item.size = summary.source.size.unwrap_or(0);
        }
        self.catalogue.add_cost(index);
        self.change(index, state, problem, watch);
    }

    fn change(
        &mut self,
        index: usize,
        state: ItemState,
        problem: Option<String>,
        watch: &mut impl FnMut(Notice<'_>, &Catalogue),
    ) {
        let is_under_way = state.is_under_way();
        self.catalogue.change(index, state, problem);
        self.in_flight.retain(|it| *it != index);
        if is_under_way {
            self.in_flight.push(index);
        }
        watch(
            Notice::Changed(&self.catalogue.items()[index]),
            &self.catalogue,
        );
    }
}
