//! The engine's port, of one execution.

use std::sync::Arc;

use taffrail_engine::ledger::{Entry, Ledger};
use taffrail_engine::ports::BoxFuture;

use crate::write::{Message, Store};

pub(crate) struct ExecutionLedger {
    pub(crate) store: Arc<Store>,
    pub(crate) execution: String,
}

impl Ledger for ExecutionLedger {
    fn enter(&self, entry: Entry) {
        self.store
            .send(Message::Entry(self.execution.clone(), Box::new(entry)));
    }

    fn settled(&self) -> BoxFuture<'static, Result<(), String>> {
        let receipt = self.store.settled();
        Box::pin(async move {
            receipt
                .await
                .map_err(|error| format!("{}: {error}", error.code()))
        })
    }
}
