//! Turns the cases of a conformance suite into tests.

/// Calls the functions of the module `conformance` in `[$module]`, each with a value from `$make`.
///
/// `each`: generates a `#[tokio::test]` per case. `together`: a `Vec` of `testkit::Case`, for
/// servers that are slow to start.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($module:tt, each $make:expr; $($case:ident)*) => {
        $( $crate::conformance_cases! { @test $module $case $make } )*
    };
    ($module:tt, together $make:expr; $($case:ident)*) => {
        vec![$( (stringify!($case), Box::pin($crate::conformance_cases!(@call $module $case $make))
            as ::std::pin::Pin<Box<dyn Future<Output = ()>>>), )*]
    };
    (@test $module:tt $case:ident $make:expr) => {
        #[tokio::test]
        async fn $case() {
            $crate::conformance_cases!(@call $module $case $make).await;
        }
    };
    (@call [$($module:tt)*] $case:ident $make:expr) => {
        async {
            let (subject, _keep) = $make;
            $($module)*::conformance::$case(&subject).await;
        }
    };
}
