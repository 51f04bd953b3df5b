//! `edgereel import` without a service: credentials and settings.

use crate::process::run_with;

#[test]
fn credentials_come_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    for (service, variables, missing) in [
        ("mux", &[][..], "MUX_TOKEN_ID"),
        ("mux", &[("MUX_TOKEN_ID", "swordfish")], "MUX_TOKEN_SECRET"),
        ("stream", &[], "CLOUDFLARE_ACCOUNT_ID"),
        (
            "stream",
            &[("CLOUDFLARE_ACCOUNT_ID", "swordfish")],
            "CLOUDFLARE_API_TOKEN",
        ),
        (
            "stream",
            &[
                ("CLOUDFLARE_ACCOUNT_ID", "../swordfish"),
                ("CLOUDFLARE_API_TOKEN", "swordfish"),
            ],
            "CLOUDFLARE_ACCOUNT_ID",
        ),
    ] {
        let none = [
            "MUX_TOKEN_ID",
            "MUX_TOKEN_SECRET",
            "CLOUDFLARE_ACCOUNT_ID",
            "CLOUDFLARE_API_TOKEN",
        ]
        .map(|it| (it, ""));
        let variables = [&none[..], variables].concat();
        let run = run_with(folder.path(), &["import", service, "--json"], &variables);
        assert_eq!((run.code, run.error_code().as_str()), (2, "usage"));
        assert!(run.stdout.contains(missing), "{}", run.stdout);
        assert!(!run.stdout.contains("swordfish"), "{}", run.stdout);
    }
}

#[test]
fn settings_are_checked_before_anything_is_requested() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("MUX_TOKEN_ID", "a"), ("MUX_TOKEN_SECRET", "b")];
    let run = |arguments: &[&str]| {
        let arguments = [&["import", "mux", "--json"], arguments].concat();
        run_with(folder.path(), &arguments, &variables)
    };
    let wrong = run(&["--report", "report.txt"]);
    assert_eq!((wrong.code, wrong.error_code().as_str()), (2, "usage"));
    for wrong in [["--budget", "nan"], ["--rate", "0"], ["--since", "soon"]] {
        assert_eq!(run(&wrong).code, 2, "{wrong:?}");
    }
    let alone = run(&[]);
    assert_eq!(
        (alone.code, alone.error_code().as_str()),
        (1, "not-running")
    );
}
