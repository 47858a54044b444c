//! The C bindings of the template are what the generator makes of the contract. `TAFFRAIL_BLESS=1` writes them.

use std::fs;
use std::path::Path;

use wit_bindgen_core::{Files, WorldGenerator};
use wit_parser::Resolve;

#[test]
fn the_templates_c_bindings_are_generated() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut resolve = Resolve::default();
    let contract = fs::read_to_string(here.join("../../wit/v1.0/plugin.wit")).unwrap();
    let package = resolve.push_str("plugin.wit", &contract).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let options = wit_bindgen_c::Opts {
        // The builder puts the contract's description into the module.
        no_object_file: true,
        ..Default::default()
    };
    let mut files = Files::default();
    let mut generator: Box<dyn WorldGenerator> = options.build();
    generator.generate(&mut resolve, world, &mut files).unwrap();
    let mut names = Vec::new();
    for (name, bytes) in files.iter() {
        names.push(name.to_owned());
        let path = here.join("templates/c").join(name);
        if std::env::var_os("TAFFRAIL_BLESS").is_some() {
            fs::write(&path, bytes).unwrap();
        }
        assert!(
            fs::read(&path).unwrap_or_default() == bytes,
            "{} is not what the generator makes; run this test with TAFFRAIL_BLESS=1",
            path.display()
        );
    }
    assert_eq!(names, ["language_plugin.c", "language_plugin.h"]);
}
