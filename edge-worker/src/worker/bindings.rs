//! The bindings and the configuration of the Worker, read once per isolate.

use std::cell::OnceCell;
use std::rc::Rc;

use domain::playback::Entry;
use js_sys::futures::JsFuture;
use js_sys::{Array, Function, Map, Number, Object, Promise, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use worker::{Bucket, Env, console_error};

use crate::fills::Fills;
use crate::settings::{Playback, Relay};

use super::views::Dataset;

/// Binding of the media bucket.
const MEDIA: &str = "MEDIA";
/// Binding of the private bucket, which holds wrapped keys.
const PRIVATE: &str = "PRIVATE";
/// Binding of the list of revocations and renewals.
const EDGE_LIST: &str = "EDGE_LIST";

/// Bindings and settings of playback.
pub(super) struct Bindings {
    pub(super) settings: Playback,
    pub(super) media: Bucket,
    pub(super) private: Bucket,
    pub(super) list: List,
    pub(super) fills: Fills,
    /// Counts views; `None`: no data set is bound, so nothing is counted.
    pub(super) views: Option<Dataset>,
}

/// The list of revocations and renewals, in KV. All names of a decision are looked up with one
/// call.
pub(super) struct List {
    namespace: JsValue,
    get: Function,
    put: Function,
    options: JsValue,
}

/// How long a location caches KV's result for a name, also if it is not on the list, seconds: the
/// minimum of KV.
const REMEMBERED_SECONDS: u32 = 30;

impl List {
    fn bound_to(env: &Env) -> Option<Self> {
        let namespace = Reflect::get(
            env.unchecked_ref::<JsValue>(),
            &JsValue::from_str(EDGE_LIST),
        )
        .ok()?;
        let function = |name| {
            Reflect::get(&namespace, &JsValue::from_str(name))
                .ok()?
                .dyn_into::<Function>()
                .ok()
        };
        let (get, put) = (function("get")?, function("put")?);
        Some(Self {
            get,
            put,
            namespace,
            options: option("cacheTtl", REMEMBERED_SECONDS).ok()?,
        })
    }

    /// The values of those names that are on the list.
    pub(super) async fn find(&self, names: &[String]) -> worker::Result<Vec<(String, String)>> {
        let keys: Array = names.iter().map(|it| JsValue::from_str(it)).collect();
        let promise: Promise = self
            .get
            .call2(&self.namespace, &keys, &self.options)?
            .unchecked_into();
        let found: Map = JsFuture::from(promise).await?.unchecked_into();
        // The value of a missing name is null.
        let value = |name: &String| {
            Some((
                name.clone(),
                found.get(&JsValue::from_str(name)).as_string()?,
            ))
        };
        Ok(names.iter().filter_map(value).collect())
    }

    /// Adds an entry to the list.
    pub(super) async fn store(&self, entry: &Entry) -> worker::Result<()> {
        let seconds = u32::try_from(entry.seconds).unwrap_or(u32::MAX);
        let options = option("expirationTtl", seconds)?;
        let (name, value) = (
            JsValue::from_str(&entry.name),
            JsValue::from_str(&entry.value),
        );
        let promise: Promise = self
            .put
            .call3(&self.namespace, &name, &value, &options)?
            .unchecked_into();
        JsFuture::from(promise).await?;
        Ok(())
    }
}

fn option(name: &str, value: u32) -> worker::Result<JsValue> {
    let options = Object::new();
    Reflect::set(&options, &JsValue::from_str(name), &JsValue::from(value))?;
    Ok(options.into())
}

thread_local! {
    static PLAYBACK: OnceCell<Option<Rc<Bindings>>> = const { OnceCell::new() };
}

/// The bindings of playback; `None`: they are incomplete, and the log reports what is missing.
pub(super) fn playback(env: &Env) -> Option<Rc<Bindings>> {
    PLAYBACK.with(|it| it.get_or_init(|| read(env).map(Rc::new)).clone())
}

/// The settings of the relay; `None`: they are incomplete, and the log reports what is missing.
pub(super) fn relay(env: &Env) -> Option<Relay> {
    Relay::read(&|name| variable(env, name))
        .map_err(|error| console_error!("the relay cannot work: {error}"))
        .ok()
}

fn read(env: &Env) -> Option<Bindings> {
    let settings = Playback::read(&|name| variable(env, name));
    let settings = settings
        .map_err(|error| console_error!("playback cannot work: {error}"))
        .ok()?;
    let bucket = |name| {
        let bucket = env.bucket(name).ok();
        if bucket.is_none() {
            console_error!("no bucket is bound to {name}");
        }
        bucket
    };
    let (media, private) = (bucket(MEDIA), bucket(PRIVATE));
    let list = List::bound_to(env);
    if list.is_none() {
        // Without the list, a revocation would have no effect.
        console_error!("no namespace is bound to {EDGE_LIST}");
    }
    Some(Bindings {
        settings,
        media: media?,
        private: private?,
        list: list?,
        fills: Fills::default(),
        views: Dataset::bound_to(env),
    })
}

/// A variable or a secret; some configurations define numbers.
fn variable(env: &Env, name: &str) -> Option<String> {
    let value = Reflect::get(env.unchecked_ref::<JsValue>(), &JsValue::from_str(name)).ok()?;
    value.as_string().or_else(|| {
        // Formatted by the engine, which has code for numbers already.
        let number: &Number = value.dyn_ref()?;
        Some(number.to_string_with_radix(10).ok()?.into())
    })
}
