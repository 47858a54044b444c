//! One adapter per version of the plugin API, behind one type; what crosses it are the core's own types.

mod shared;
mod v0_1;
mod v1_0;

use taffrail_core::plan::{Plan, PlanRefusal, PlanRequest};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use crate::interface::{Api, Interface};
use crate::state::State;
use crate::wasi;

/// A component, linked and ready to be instantiated.
pub(crate) enum Adapter {
    V0_1(v0_1::Adapter),
    V1_0(v1_0::Adapter),
}

/// What a plugin answered to a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A plan, in form; what is in it is still to be checked.
    Plan(Plan),
    /// It said no.
    Refused(PlanRefusal),
    /// The answer has no meaning, with the reason.
    Breach(String),
}

impl Adapter {
    /// Links a component to what its version of the API offers.
    ///
    /// # Errors
    /// When an import or an export has another type than the API says.
    pub(crate) fn new(
        engine: &Engine,
        component: &Component,
        interface: &Interface,
    ) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(engine);
        if interface.wasi {
            wasi::link(&mut linker)?;
        }
        match interface.api {
            Api::V0_1 => v0_1::Adapter::new(linker, component, interface.wasi).map(Adapter::V0_1),
            Api::V1_0 => v1_0::Adapter::new(linker, component, interface.wasi).map(Adapter::V1_0),
        }
    }

    /// Asks a fresh instance for the descriptor.
    pub(crate) async fn describe(&self, store: &mut Store<State>) -> wasmtime::Result<String> {
        match self {
            Adapter::V0_1(adapter) => adapter.describe(store).await,
            Adapter::V1_0(adapter) => adapter.describe(store).await,
        }
    }

    /// Asks a fresh instance for a plan.
    pub(crate) async fn plan(
        &self,
        store: &mut Store<State>,
        request: &PlanRequest,
    ) -> wasmtime::Result<Answer> {
        match self {
            Adapter::V0_1(adapter) => adapter.plan(store, request).await,
            Adapter::V1_0(adapter) => adapter.plan(store, request).await,
        }
    }
}
