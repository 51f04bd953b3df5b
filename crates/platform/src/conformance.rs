//! How the cases of a conformance suite become tests.

/// The functions of `$module::conformance`, each given what `$make` makes.
///
/// `each`: a `#[tokio::test]` of every one. `together`: a `Vec` of `testkit::Case`, for what is on a server
/// that takes a while to start.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($module:ident, each $make:expr; $($case:ident)*) => { $(
        #[tokio::test]
        async fn $case() {
            let (subject, _keep) = $make;
            $crate::$module::conformance::$case(&subject).await;
        }
    )* };
    ($module:ident, together $make:expr; $($case:ident)*) => {
        vec![$(
            (stringify!($case), Box::pin(async {
                let (subject, _keep) = $make;
                $crate::$module::conformance::$case(&subject).await;
            }) as ::std::pin::Pin<Box<dyn Future<Output = ()>>>),
        )*]
    };
}
