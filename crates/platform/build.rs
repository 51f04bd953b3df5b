//! Rebuilds the crate when a migration is added, so that it is compiled in.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
