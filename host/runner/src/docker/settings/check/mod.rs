//! What is wrong with settings that are each right: limits below what engines take, and properties that exclude each other. Engines
//! say it late, some of it only when the container starts, some of it never.

mod limits;
mod mounts;
mod names;
mod network;

use taffrail_engine::ports::SettingError;

use super::DockerSettings;

impl DockerSettings {
    /// Adds everything that is wrong between properties.
    pub(super) fn check(&self, errors: &mut Vec<SettingError>) {
        let mut wrong = |pointer: &str, message: String| {
            errors.push(SettingError {
                pointer: pointer.to_owned(),
                message,
            });
        };
        self.memory_is_right(&mut wrong);
        self.processors_are_right(&mut wrong);
        self.network_is_right(&mut wrong);
        self.targets_are_free(&mut wrong);
        self.mounts_are_right(&mut wrong);
        self.numbers_are_right(&mut wrong);
        self.names_are_right(&mut wrong);
        self.rest_is_right(&mut wrong);
    }
}
