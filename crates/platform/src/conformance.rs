//! Turns the cases of a conformance suite into tests.

/// Calls the functions of `$module::conformance`, each with a value from `$make`.
///
/// `each`: generates a `#[tokio::test]` per case. `together`: a `Vec` of `testkit::Case`, for
/// servers that are slow to start.
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
