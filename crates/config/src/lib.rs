//! The settings of all programs, by area, and the services that they name.
//!
//! Each area is a struct of clap arguments whose options have environment variables. A program with a command line
//! flattens the areas that it uses into its arguments; a Lambda program calls [`read`]. Thus a setting has one name, one
//! default and one text of help in all of them, and `docs/configuration.md` is compared with them.

mod api;
pub mod command_line;
mod edge;
mod edge_list;
mod events;
mod files;
mod identity;
mod installation;
mod keys;
mod launch;
mod limits;
pub mod logging;
mod parsers;
mod prices;
mod profiles;
mod queue;
mod services;
mod sources;
mod upload_types;
mod uploads;
mod variables;
mod webhooks;

pub use api::{AllowedOrigin, ApiArgs, CorsArgs, InvalidOrigin};
pub use edge::{EdgeArgs, PlaybackArgs};
pub use edge_list::{EdgeListArgs, EdgeListChoice, EdgeListPlace, InvalidPlace, KvNamespace};
pub use events::{EventsAddress, EventsArgs, InvalidEventsAddress};
pub use identity::{
    IdentityArgs, IdentityProblem, IdentitySettings, JwksAlgorithm, SignInArgs, SignInSettings,
    SignInToken, Signature, is_loopback,
};
pub use installation::{Installation, ReleaseError};
pub use keys::{KeyArgs, WebhookKeyArgs};
pub use launch::{IncompleteLaunch, LaunchArgs};
pub use limits::{Limits, Rate, RateArgs};
pub use parsers::List;
pub use prices::PriceArgs;
pub use profiles::{ProfileArgs, ProfileError, read_or_built_in, read_profile};
pub use queue::{InvalidQueueSettings, QueueArgs, QueueSettings};
pub use services::{DatabaseArgs, ServiceArgs, Services, StoreArgs};
pub use sources::SourceArgs;
pub use upload_types::{ANY_TYPE, InvalidType, UnacceptedType, UploadTypes};
pub use uploads::UploadArgs;
pub use variables::{InvalidSettings, Variables, read};
pub use webhooks::WebhookArgs;
