//! Support for end-to-end tests: the program itself, generated media, the view of a player.
//!
//! Everything is real: processes, free ports on the loopback interface, the protocols of browsers
//! and players. All functions panic with a message on failure, since only tests call them.

pub mod browser;
pub mod cors;
pub mod crowd;
pub mod dev;
pub mod edge;
pub mod ffmpegs;
pub mod look;
pub mod media;
pub mod memory;
pub mod origin;
pub mod part;
pub mod pattern;
pub mod pixels;
pub mod player;
pub mod processes;
pub mod program;
pub mod proxy;
pub mod site;
pub mod small_disk;
pub mod upload;
pub mod wire;
