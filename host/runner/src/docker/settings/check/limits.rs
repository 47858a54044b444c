//! Limits of memory, processors and numbers: those below or above what engines take, and those that contradict each other.

use super::super::{DockerSettings, Size, SwapSize};

/// The least memory that engines take.
const LEAST_MEMORY: u64 = 6 * 1024 * 1024;

impl DockerSettings {
    pub(super) fn memory_is_right(&self, wrong: &mut impl FnMut(&str, String)) {
        let memory = &self.memory;
        let too_little = |size: Size| size.bytes() < LEAST_MEMORY;
        if let Some(size) = memory.memory.filter(|size| too_little(*size)) {
            wrong(
                "/memory/memory",
                format!("`memory.memory` must be at least 6MB, not {size}"),
            );
        }
        if let Some(size) = memory.memory_reservation.filter(|size| too_little(*size)) {
            wrong(
                "/memory/memoryReservation",
                format!("`memory.memoryReservation` must be at least 6MB, not {size}"),
            );
        }
        match (memory.memory_swap, memory.memory) {
            (Some(SwapSize::Total(_)), None) => wrong(
                "/memory/memorySwap",
                "`memory.memorySwap` is memory and swap together, and needs `memory.memory` beside it"
                    .to_owned(),
            ),
            (Some(SwapSize::Total(total)), Some(size)) if total < size => wrong(
                "/memory/memorySwap",
                format!("`memory.memorySwap` is memory and swap together, and must be at least the {size} of `memory.memory`, not {total}"),
            ),
            _ => {}
        }
        if let (Some(soft), Some(hard)) = (memory.memory_reservation, memory.memory)
            && soft > hard
        {
            wrong(
                "/memory/memoryReservation",
                format!(
                    "`memory.memoryReservation` must be less than the {hard} of `memory.memory`, not {soft}"
                ),
            );
        }
        if self.shm_size.is_some_and(|size| size.bytes() == 0) {
            wrong("/shmSize", "`shmSize` must be more than nothing".to_owned());
        }
    }

    pub(super) fn processors_are_right(&self, wrong: &mut impl FnMut(&str, String)) {
        if self.cpu.cpus.is_some() {
            for (pointer, given) in [
                ("/cpuPeriod", self.cpu_period),
                ("/cpuQuota", self.cpu_quota),
            ] {
                if given.is_some() {
                    let name = &pointer[1..];
                    wrong(
                        pointer,
                        format!("`{name}` and `cpu.cpus` say the same in two ways; leave one out"),
                    );
                }
            }
        }
        if let Some(period) = self
            .cpu_period
            .filter(|period| !(1_000..=1_000_000).contains(period))
        {
            wrong(
                "/cpuPeriod",
                format!("`cpuPeriod` must be between 1000 and 1000000 microseconds, not {period}"),
            );
        }
        if let Some(quota) = self
            .cpu_quota
            .filter(|quota| *quota != -1 && *quota < 1_000)
        {
            wrong(
                "/cpuQuota",
                format!(
                    "`cpuQuota` must be at least 1000 microseconds, or -1 for no limit, not {quota}"
                ),
            );
        }
        if let (Some(period), Some(runtime)) = (self.cpu_rt_period, self.cpu_rt_runtime)
            && runtime > period
        {
            wrong(
                "/cpuRtRuntime",
                format!(
                    "`cpuRtRuntime` must not be more than the {period} microseconds of `cpuRtPeriod`"
                ),
            );
        }
    }

    pub(super) fn numbers_are_right(&self, wrong: &mut impl FnMut(&str, String)) {
        if let Some(limit) = self.pids_limit.filter(|limit| *limit == 0 || *limit < -1) {
            wrong(
                "/pidsLimit",
                format!("`pidsLimit` must be at least 1, or -1 for no limit, not {limit}"),
            );
        }
        if let Some(score) = self
            .oom_score_adj
            .filter(|score| !(-1000..=1000).contains(score))
        {
            wrong(
                "/oomScoreAdj",
                format!("`oomScoreAdj` must be between -1000 and 1000, not {score}"),
            );
        }
        if let Some(shares) = self
            .cpu_shares
            .filter(|shares| !(2..=262_144).contains(shares))
        {
            wrong(
                "/cpuShares",
                format!("`cpuShares` must be between 2 and 262144, not {shares}"),
            );
        }
        for (pointer, given) in [
            ("/cpuRtPeriod", self.cpu_rt_period),
            ("/cpuRtRuntime", self.cpu_rt_runtime),
        ] {
            if let Some(time) = given.filter(|time| *time <= 0) {
                let name = &pointer[1..];
                wrong(
                    pointer,
                    format!("`{name}` must be more than 0 microseconds, not {time}"),
                );
            }
        }
        let retries = self.healthcheck.as_ref().and_then(|check| check.retries);
        if let Some(retries) = retries.filter(|retries| *retries < 1) {
            wrong(
                "/healthcheck/retries",
                format!("`healthcheck.retries` must be at least 1, not {retries}"),
            );
        }
    }
}
