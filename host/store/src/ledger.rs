//! The engine's port, of one execution.

use std::sync::Arc;

use taffrail_engine::ledger::{Entry, Ledger};
use taffrail_engine::ports::BoxFuture;

use crate::write::{Haste, Message, Receipt, Store};

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
        told(self.store.receipt(Haste::Now))
    }

    fn settling(&self) -> BoxFuture<'static, Result<(), String>> {
        told(self.store.receipt(Haste::Soon))
    }
}

fn told(receipt: Receipt) -> BoxFuture<'static, Result<(), String>> {
    Box::pin(async move {
        receipt
            .await
            .map_err(|error| format!("{}: {error}", error.code()))
    })
}
