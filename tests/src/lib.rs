//! What end-to-end tests need: the program itself, generated media, a player's eyes.
//!
//! Everything is real: processes, ports of their own on the loopback interface, the protocols that
//! browsers and players speak. All functions panic with a sentence where something is wrong, since
//! they are called by tests alone.

pub mod browser;
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
pub mod player;
pub mod processes;
pub mod program;
pub mod proxy;
pub mod site;
pub mod small_disk;
pub mod wire;
