//! The SDK carries the contract in its own folder, since a published crate holds nothing outside of it; here both are compared.

use std::fs;
use std::path::Path;

#[test]
fn the_sdks_wit_is_the_published_one() {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR"));
    let published = fs::read_to_string(sdk.join("../../wit/v1.0/plugin.wit")).unwrap();
    let carried = fs::read_to_string(sdk.join("wit/plugin.wit")).unwrap();
    assert!(
        carried == published,
        "run: cp wit/v1.0/plugin.wit plugins/sdk/wit/plugin.wit"
    );
}
