//! Plans that follow choices.

use super::*;

fn of_name(name: &str, same_as: Option<&str>) -> RungChoice {
    RungChoice {
        name: name.parse().unwrap(),
        crf: 30,
        score: 93.0.into(),
        full_size_score: 90.0.into(),
        kbps: 1000,
        profile_kbps: 1500,
        same_as: same_as.map(|it| it.parse().unwrap()),
        trials: vec![],
    }
}

fn choices(rungs: Vec<RungChoice>) -> PerTitle {
    PerTitle {
        measure: Some(Measure::Vmaf),
        skipped: None,
        samples: 2,
        cpu_ms: 500,
        wall_ms: 400,
        rungs,
    }
}

#[test]
fn a_plan_follows_the_choices() {
    let profile = auto();
    let choices = choices(vec![
        of_name("1080p", None),
        of_name("720p", Some("480p")),
        of_name("480p", None),
    ]);
    let plan = EncodePlan::with_choices(&foreign(), &profile, Mode::Abr, Some(&choices)).unwrap();
    let rungs: Vec<_> = plan
        .rungs
        .iter()
        .map(|it| (it.rendition.name.as_str(), it.crf))
        .collect();
    assert_eq!(
        rungs,
        [("1080p", Some(30)), ("480p", Some(30)), ("360p", None)]
    );
    assert_eq!(plan.per_title, Some(choices));
    // A rung that every player plays stays, whatever the choices say.
    let none = PerTitle {
        rungs: ["1080p", "720p", "480p", "360p"]
            .map(|it| of_name(it, Some("240p")))
            .into(),
        ..plan.per_title.clone().unwrap()
    };
    let all = EncodePlan::with_choices(&foreign(), &profile, Mode::Abr, Some(&none)).unwrap();
    assert_eq!(all.rungs.len(), 4);
    // The remuxed rung is one.
    let none = EncodePlan::with_choices(&standard(), &profile, Mode::Abr, Some(&none)).unwrap();
    assert!(none.rungs.is_empty() && none.copy.is_remux());
    // What is left out does not come back in place of the remuxed rung.
    let replacing = Profile {
        copy_top: crate::profile::CopyTop::UntilEncoded,
        ..profile
    };
    let choices = self::choices(vec![of_name("720p", Some("480p"))]);
    let plan =
        EncodePlan::with_choices(&standard(), &replacing, Mode::Abr, Some(&choices)).unwrap();
    let replacement = plan.copy_replacement(&standard(), &replacing).unwrap();
    let names: Vec<_> = replacement
        .rungs
        .iter()
        .map(|it| it.rendition.name.as_str())
        .collect();
    assert_eq!(names, ["1080p"]);
}

#[test]
fn a_re_encode_keeps_the_choices_of_other_rungs() {
    let profile = auto();
    let plan = |choices: &PerTitle| {
        EncodePlan::with_choices(&foreign(), &profile, Mode::Abr, Some(choices)).unwrap()
    };
    let base = plan(&choices(vec![
        of_name("1080p", None),
        of_name("720p", Some("480p")),
        of_name("480p", None),
    ]));
    let renewed = RungChoice {
        crf: 20,
        ..of_name("480p", None)
    };
    let fresh = plan(&PerTitle {
        cpu_ms: 7,
        ..choices(vec![renewed.clone()])
    });
    let names = ["480p".parse().unwrap()];
    let merged = base.with_rungs_of(&fresh, &names).unwrap();
    let crf = |plan: &EncodePlan, name: &str| {
        let rung = plan
            .rungs
            .iter()
            .find(|it| it.rendition.name.as_str() == name);
        rung.map(|it| it.crf)
    };
    assert_eq!(
        ["1080p", "720p", "480p", "360p"].map(|it| crf(&merged, it)),
        [Some(Some(30)), None, Some(Some(20)), Some(None)]
    );
    let per_title = merged.per_title.unwrap();
    let rungs = vec![
        of_name("1080p", None),
        of_name("720p", Some("480p")),
        renewed,
    ];
    assert_eq!((per_title.rungs, per_title.cpu_ms), (rungs, 7));
    // By a profile without per-title encoding.
    let plain = EncodePlan::new(&foreign(), &Profile::default(), Mode::Abr).unwrap();
    let merged = base.with_rungs_of(&plain, &names).unwrap();
    assert_eq!(crf(&merged, "480p"), Some(None));
    let per_title = merged.per_title.unwrap();
    assert_eq!((per_title.rungs.len(), per_title.cpu_ms), (2, 0));
    assert!(per_title.leaves_out(&"720p".parse().unwrap()));
}
