//! The count of views: a data point in Cloudflare's Analytics Engine for each request that says something about viewing.
//!
//! docs/views.md describes the data points, and how to query them. The runtime sends them after the response, so no
//! request waits for them.

use domain::playback::{self, EdgeAction, Refusal, Request};
use domain::viewing::{Kind, Observation};
use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use worker::Env;

use super::bindings::Bindings;
use super::request::EdgeRequest;

/// Binding of the data set.
const VIEWS: &str = "VIEWS";

/// A data set of Analytics Engine. Called without the types of the crate `worker`, which clone each value.
pub(super) struct Dataset {
    binding: JsValue,
    write: Function,
}

impl Dataset {
    pub(super) fn bound_to(env: &Env) -> Option<Self> {
        let env = env.unchecked_ref::<JsValue>();
        let binding = Reflect::get(env, &JsValue::from_str(VIEWS)).ok()?;
        let write = Reflect::get(&binding, &JsValue::from_str("writeDataPoint")).ok()?;
        Some(Self {
            write: write.dyn_into().ok()?,
            binding,
        })
    }

    /// Writes a data point. An error is ignored: a count that is missing must not fail a request.
    fn write(&self, observation: &Observation) {
        let measured = &observation.measured;
        let refusal = match observation.kind {
            Kind::Refused(refusal) => refusal.code(),
            Kind::Master | Kind::Key | Kind::Segment | Kind::Report => "",
        };
        let session = observation.session.map(|it| it.to_string());
        let texts = [
            observation.kind.name(),
            session.as_deref().unwrap_or_default(),
            refusal,
        ];
        let numbers = [
            observation.watched_ms(),
            measured.bitrate_kbps.unwrap_or_default(),
            measured.startup_ms.unwrap_or_default(),
            measured.stalls,
            measured.stalled_ms,
            measured.dropped_frames,
            // Distinguishes a start-up of 0 ms from an unknown one.
            u32::from(measured.startup_ms.is_some()),
        ];
        let index = JsValue::from_str(&observation.video.to_string());
        let blobs: Array = texts.into_iter().map(JsValue::from_str).collect();
        let doubles: Array = numbers.into_iter().map(JsValue::from).collect();
        let point = Object::new();
        for (name, value) in [
            ("indexes", Array::of1(&index)),
            ("blobs", blobs),
            ("doubles", doubles),
        ] {
            let _ = Reflect::set(&point, &JsValue::from_str(name), &value);
        }
        let _ = self.write.call1(&self.binding, &JsValue::from(point));
    }
}

/// A request that is counted when its result is known.
pub(super) struct Viewing<'a> {
    bindings: &'a Bindings,
    dataset: &'a Dataset,
    served: Option<Observation>,
    refused: Option<Refusal>,
}

impl<'a> Viewing<'a> {
    /// `None`: nothing is counted.
    pub(super) fn of(
        action: &EdgeAction,
        asked: &Request<'_>,
        request: &EdgeRequest<'_>,
        bindings: &'a Bindings,
    ) -> Option<Self> {
        let dataset = bindings.views.as_ref()?;
        let served = action
            .observe(asked, |name| request.header(name))
            // A player without measurements requests hundreds of segments. Its key shows the view already.
            .filter(|it| it.kind != Kind::Segment || it.measured != Default::default());
        let refused = match action {
            EdgeAction::Refuse(refusal, _) => Some(*refusal),
            _ => None,
        };
        Some(Self {
            bindings,
            dataset,
            served,
            refused,
        })
    }

    /// Counts the request. `failed`: the refusal if the decision could not be executed.
    pub(super) fn count(self, failed: Option<Refusal>, asked: &Request<'_>) {
        let observation = match failed.or(self.refused) {
            Some(refusal) => {
                playback::observe_refusal(refusal, asked, &self.bindings.settings.keys)
            }
            None => self.served,
        };
        if let Some(observation) = observation {
            self.dataset.write(&observation);
        }
    }
}
