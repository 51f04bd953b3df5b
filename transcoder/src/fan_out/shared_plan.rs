//! The document that all transcoders of a fan-out follow: the plan and the probe of the source, as the
//! leader made them.

use domain::ids::PlanId;
use domain::plan::EncodePlan;
use domain::probe::Probe;
use serde::{Deserialize, Serialize};

use crate::wire::{self, PlanV2};

/// Maximum size of a document, bytes: twelve hours with a keyframe in each frame.
pub(crate) const LARGEST_PLAN: u64 = 64 << 20;

/// A plan with the probe that it was made from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SharedPlan {
    pub(crate) plan: EncodePlan,
    pub(crate) probe: Probe,
}

#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    plan: PlanV2,
    probe: Probe,
}

impl SharedPlan {
    /// The JSON document, and its id.
    pub(crate) fn render(&self) -> (Vec<u8>, PlanId) {
        let document = Document {
            version: wire::version(&self.plan),
            plan: (&self.plan).into(),
            probe: self.probe.clone(),
        };
        let text = serde_json::to_vec(&document).expect("numbers and strings always serialise");
        let id = PlanId::of(&text);
        (text, id)
    }

    /// Reads a document. `None`: it is not that of this plan, or a newer version wrote it.
    pub(crate) fn parse(text: &[u8], id: &PlanId) -> Option<Self> {
        if PlanId::of(text) != *id {
            return None;
        }
        let document: Document = serde_json::from_slice(text).ok()?;
        wire::is_known(document.version).then(|| Self {
            plan: document.plan.into(),
            probe: document.probe,
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::probe::cases::standard;

    use super::*;
    use crate::testing::{encoded_plan, foreign, remuxed_plan};

    #[test]
    fn another_process_follows_the_same_plan() {
        for (plan, probe) in [(remuxed_plan(), standard()), (encoded_plan(), foreign())] {
            let shared = SharedPlan { plan, probe };
            let (text, id) = shared.render();
            assert_eq!(SharedPlan::parse(&text, &id), Some(shared.clone()));
            assert_eq!(shared.render().1, id);
        }
    }

    #[test]
    fn other_documents_are_refused() {
        let shared = SharedPlan {
            plan: remuxed_plan(),
            probe: standard(),
        };
        let (text, id) = shared.render();
        let newer = String::from_utf8(text).unwrap();
        let newer = newer.replacen("\"version\":2", "\"version\":99", 1);
        let newer_id = PlanId::of(newer.as_bytes());
        assert_eq!(SharedPlan::parse(newer.as_bytes(), &newer_id), None);
        assert_eq!(SharedPlan::parse(newer.as_bytes(), &id), None);
        assert_eq!(SharedPlan::parse(b"{}", &PlanId::of(b"{}")), None);
    }
}
