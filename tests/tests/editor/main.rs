//! What an author sees in an editor: the real YAML language server under the schema that this program writes.

#![expect(clippy::unwrap_used, reason = "what a helper cannot do fails the test")]

mod differential;
mod messages;
mod modeline;
mod neovim;
mod offers;
mod places;
mod rules;
mod settings;
mod support;
mod versions;
