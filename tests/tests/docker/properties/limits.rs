//! Rows of what limits processors, memory, processes and devices.

use serde_json::json;
use taffrail_tests::docker::skipped;

use super::Seen::{Cgroup, Fails, FailsOr, Inspect, Prints, WarnsOr};
use super::{Row, block_device, cgroup, row};

pub(super) fn limits() -> Vec<Row> {
    vec![
        row(
            "cpu.cpus",
            json!({ "cpu": { "cpus": 0.5 } }),
            &cgroup("cpu/cpu.cfs_quota_us", "cpu.max"),
            vec![
                Cgroup("50000", "50000 100000"),
                Inspect("/HostConfig/NanoCpus", json!(500_000_000)),
            ],
        ),
        row(
            "cpuPeriod, cpuQuota",
            json!({ "cpuPeriod": 50_000, "cpuQuota": 25_000 }),
            &(cgroup("cpu/cpu.cfs_period_us", "cpu.max")
                + "\n"
                + &cgroup("cpu/cpu.cfs_quota_us", "cpu.max")),
            vec![
                Cgroup("25000", "25000 50000"),
                Cgroup("50000", "25000 50000"),
            ],
        ),
        row(
            "cpuShares",
            json!({ "cpuShares": 512 }),
            &cgroup("cpu/cpu.shares", "cpu.weight"),
            vec![
                Cgroup("512", ""),
                Inspect("/HostConfig/CpuShares", json!(512)),
            ],
        ),
        row(
            "cpusetCpus",
            json!({ "cpusetCpus": "0" }),
            "nproc",
            vec![Prints("1"), Inspect("/HostConfig/CpusetCpus", json!("0"))],
        ),
        row(
            "cpusetCpus beyond the machine",
            json!({ "cpusetCpus": "900" }),
            "true",
            vec![Fails("Requested CPUs are not available")],
        ),
        row(
            "cpusetMems",
            json!({ "cpusetMems": "0" }),
            &cgroup("cpuset/cpuset.mems", "cpuset.mems"),
            vec![Prints("0"), Inspect("/HostConfig/CpusetMems", json!("0"))],
        ),
        row(
            "cpuRtPeriod, cpuRtRuntime",
            json!({ "cpuRtPeriod": 1_000_000, "cpuRtRuntime": 1_000 }),
            "true",
            vec![FailsOr("", "/HostConfig/CpuRealtimeRuntime", json!(1_000))],
        ),
        row(
            "memory.memory",
            json!({ "memory": { "memory": "0.0625GB" } }),
            &cgroup("memory/memory.limit_in_bytes", "memory.max"),
            vec![
                Prints("67108864"),
                Inspect("/HostConfig/Memory", json!(67_108_864)),
            ],
        ),
        row(
            "memory.memorySwap",
            json!({ "memory": { "memory": "64MB", "memorySwap": "96mb" } }),
            &cgroup("memory/memory.memsw.limit_in_bytes", "memory.swap.max"),
            vec![
                Cgroup("100663296", "33554432"),
                Inspect("/HostConfig/MemorySwap", json!(100_663_296)),
            ],
        ),
        row(
            "memory.memoryReservation",
            json!({ "memory": { "memory": "64MB", "memoryReservation": "32768KB" } }),
            &cgroup("memory/memory.soft_limit_in_bytes", "memory.low"),
            vec![
                Prints("33554432"),
                Inspect("/HostConfig/MemoryReservation", json!(33_554_432)),
            ],
        ),
        row(
            "memory.memorySwappiness",
            json!({ "memory": { "memory": "64MB", "memorySwappiness": "10" } }),
            &cgroup("memory/memory.swappiness", "none"),
            vec![
                Cgroup("10", ""),
                WarnsOr("swappiness", "/HostConfig/MemorySwappiness", json!(10)),
            ],
        ),
        row(
            "memory.oomKillDisable",
            json!({ "memory": { "memory": "64MB", "oomKillDisable": true } }),
            &cgroup("memory/memory.oom_control", "none"),
            vec![
                Cgroup("oom_kill_disable 1", ""),
                WarnsOr("OOM", "/HostConfig/OomKillDisable", json!(true)),
            ],
        ),
        row(
            "memory.kernelMemory",
            json!({ "memory": { "kernelMemory": "64MB" } }),
            "true",
            vec![WarnsOr("kernelMemory", "/HostConfig/NotThere", json!(0))],
        ),
        row(
            "oomScoreAdj",
            json!({ "oomScoreAdj": 321 }),
            "cat /proc/self/oom_score_adj",
            vec![Prints("321")],
        ),
        row(
            "pidsLimit",
            json!({ "pidsLimit": 77 }),
            &cgroup("pids/pids.max", "pids.max"),
            vec![Prints("77")],
        ),
        row(
            "ulimits",
            json!({ "ulimits": ["nofile=512:1024"] }),
            "ulimit -n; ulimit -Hn",
            vec![Prints("512"), Prints("1024")],
        ),
        row(
            "shmSize",
            json!({ "shmSize": "16MB" }),
            "df -k /dev/shm | tail -n 1 | awk '{ print $2 }'",
            vec![Prints("16384")],
        ),
        row(
            "sysctls",
            json!({ "sysctls": { "net.ipv4.ip_unprivileged_port_start": "81" } }),
            "cat /proc/sys/net/ipv4/ip_unprivileged_port_start",
            vec![Prints("81")],
        ),
        row(
            "cgroupParent",
            json!({ "cgroupParent": "/taffrail-test-parent" }),
            "cat /proc/1/cgroup",
            vec![Inspect(
                "/HostConfig/CgroupParent",
                json!("/taffrail-test-parent"),
            )],
        ),
    ]
}

pub(super) fn devices() -> Vec<Row> {
    let mut rows = vec![
        row(
            "devices",
            json!({ "devices": ["/dev/null:/dev/mynull:rw"] }),
            "[ -c /dev/mynull ] && echo x > /dev/mynull && echo there",
            vec![Prints("there")],
        ),
        row(
            "deviceCgroupRules",
            json!({ "deviceCgroupRules": ["c 10:229 rwm"] }),
            &cgroup("devices/devices.list", "none"),
            vec![
                Cgroup("c 10:229 rwm", ""),
                Inspect("/HostConfig/DeviceCgroupRules", json!(["c 10:229 rwm"])),
            ],
        ),
        row(
            "deviceRequests",
            json!({ "deviceRequests": [{ "count": 1, "capabilities": [["gpu"]] }] }),
            "true",
            vec![FailsOr(
                "could not select device driver",
                "/HostConfig/DeviceRequests/0/Count",
                json!(1),
            )],
        ),
        row(
            "storageOpt",
            json!({ "storageOpt": { "size": "1G" } }),
            "true",
            vec![FailsOr("xfs", "/HostConfig/StorageOpt/size", json!("1G"))],
        ),
        row(
            "blkioWeight",
            json!({ "blkioWeight": 300 }),
            "true",
            vec![WarnsOr("weight", "/HostConfig/BlkioWeight", json!(300))],
        ),
    ];
    let Some(disk) = block_device() else {
        skipped(
            "limits of block devices",
            "this machine has no block device",
        );
        return rows;
    };
    rows.push(row(
        "blkioWeightDevice",
        json!({ "blkioWeightDevice": [format!("{disk}:200")] }),
        "true",
        vec![WarnsOr(
            "weight_device",
            "/HostConfig/BlkioWeightDevice/0/Weight",
            json!(200),
        )],
    ));
    for (property, field) in [
        ("deviceReadBps", "BlkioDeviceReadBps"),
        ("deviceWriteBps", "BlkioDeviceWriteBps"),
        ("deviceReadIops", "BlkioDeviceReadIOps"),
        ("deviceWriteIops", "BlkioDeviceWriteIOps"),
    ] {
        let file = match property {
            "deviceReadBps" => "blkio/blkio.throttle.read_bps_device",
            "deviceWriteBps" => "blkio/blkio.throttle.write_bps_device",
            "deviceReadIops" => "blkio/blkio.throttle.read_iops_device",
            _ => "blkio/blkio.throttle.write_iops_device",
        };
        let script = cgroup(file, "io.max") + " | tr ' =' '\\n\\n'";
        let pointer = Box::leak(format!("/HostConfig/{field}/0/Rate").into_boxed_str());
        rows.push(Row {
            property,
            settings: json!({ property: [format!("{disk}:4096")] }),
            task: json!({}),
            script: format!("({script}) | tr ' =' '\\n\\n'"),
            seen: vec![Prints("4096"), Inspect(pointer, json!(4096))],
        });
    }
    rows
}
