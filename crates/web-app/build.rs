//! Makes Cargo embed the web app again after `npm run build` has added or removed files.

fn main() {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/dist");
    // Cargo runs this program at every build if the directory is missing, so create it. In a
    // read-only checkout it stays missing, which costs time only.
    let _ = std::fs::create_dir_all(built);
    println!("cargo::rerun-if-changed={built}");
}
