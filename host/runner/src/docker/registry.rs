//! Which registry an image comes from.

use taffrail_core::image_name::ImageName;
use taffrail_logins::DOCKER_HUB;

/// The registry's address, as client configurations name it.
pub fn registry_of(image: &ImageName) -> &str {
    match image.registry() {
        None | Some("docker.io" | "index.docker.io" | "registry-1.docker.io") => DOCKER_HUB,
        Some(other) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hub_has_many_names() {
        for (text, address) in [
            ("ubuntu", DOCKER_HUB),
            ("library/ubuntu:24.04", DOCKER_HUB),
            ("docker.io/a/b", DOCKER_HUB),
            ("index.docker.io/a/b", DOCKER_HUB),
            ("localhost/a", "localhost"),
            ("h:5000/a/b@sha256:00ff", "h:5000"),
        ] {
            let image = ImageName::parse(text).unwrap();
            assert_eq!(registry_of(&image), address, "{text}");
        }
    }
}
