//! Fetches plugin components from web addresses and OCI registries, publishes them there, and checks their signatures.
//!
//! The only crate that names an HTTP client. It moves bytes and compares digests; what a component is, and where it is kept, it does not
//! know.

mod client;
mod credentials;
mod digest;
mod error;
mod oci;
mod reference;
mod signature;
mod web;

pub use client::{Client, Progress};
pub use credentials::Credentials;
pub use digest::{Digest, DigestError};
pub use error::FetchError;
pub use oci::{Artifact, Names, Published, Pulled};
pub use reference::{Reference, ReferenceError};
pub use signature::{PublicKeys, SignatureError, Verified};
pub use web::{WebAnswer, WebBody, WebRequest, ask};
