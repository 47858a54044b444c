//! The world of a component that imports WASI 0.2: everything is there and everything is empty.
//!
//! No files, no environment, no arguments, no network, nothing on stdin; clocks and random numbers are the host's. What the guest
//! prints goes to its log.

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView, async_trait};

use crate::log::{CallLog, Stream};
use crate::state::State;

/// Resources that a guest may hold at once.
const MOST_RESOURCES: usize = 10_000;
/// Random bytes that a guest may ask for at once.
const MOST_RANDOM: u64 = 1 << 20;
/// Bytes that a guest may print at once; more takes several writes.
const MOST_PRINTED: usize = 64 << 10;

/// The state behind the empty world.
pub(crate) struct EmptyWorld {
    context: WasiCtx,
    table: ResourceTable,
}

impl EmptyWorld {
    pub(crate) fn new(log: &CallLog) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MOST_RESOURCES);
        let sink = |stream| Sink {
            log: log.clone(),
            stream,
        };
        let context = WasiCtx::builder()
            .stdout(sink(Stream::Stdout))
            .stderr(sink(Stream::Stderr))
            // Addresses are refused by default, but the sockets themselves are not.
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(MOST_RANDOM)
            .build();
        Self { context, table }
    }
}

/// Puts the world within reach of a component. Waits in it are asynchronous, so that a deadline can end them.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let world = self.world();
        WasiCtxView {
            ctx: &mut world.context,
            table: &mut world.table,
        }
    }
}

/// Takes all that a guest prints. The ready-made memory pipe closes when it is full, and a guest's print then panics.
#[derive(Clone)]
struct Sink {
    log: CallLog,
    stream: Stream,
}

impl IsTerminal for Sink {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Sink {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Asked for by WASI 0.3 only, which is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Sink {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Sink {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.log.write(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MOST_PRINTED)
    }
}
