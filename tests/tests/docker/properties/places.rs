//! Rows of files and networks.

use serde_json::json;

use super::Seen::{Fails, FailsOrPrints, Inspect, Prints};
use super::{Row, row};

pub(super) fn files(other: &str, bind: &str) -> Vec<Row> {
    let read_only = format!("{bind}:/given:ro");
    vec![
        row(
            "volumes",
            json!({ "volumes": [read_only, "/taffrail-anonymous"] }),
            "cat /given/file; touch /given/x 2>&1 | grep -o 'Read-only file system'; touch /taffrail-anonymous/x && echo written",
            vec![
                Prints("of the host"),
                Prints("Read-only file system"),
                Prints("written"),
            ],
        ),
        row(
            "mounts",
            json!({ "mounts": [
                { "type": "bind", "source": bind, "target": "/bound", "readOnly": true },
                { "type": "tmpfs", "target": "/quick", "tmpfsOptions": { "sizeBytes": 2_097_152 } },
                { "type": "volume", "target": "/kept" },
            ] }),
            "cat /bound/file; grep ' /quick ' /proc/mounts | grep -o size=2048k; touch /kept/x && echo written",
            vec![
                Prints("of the host"),
                Prints("size=2048k"),
                Prints("written"),
            ],
        ),
        row(
            "mounts, missing source",
            json!({ "mounts": [{ "type": "bind", "source": "/no/such/folder", "target": "/bound" }] }),
            "true",
            vec![Fails("/no/such/folder")],
        ),
        row(
            "tmpfs",
            json!({ "tmpfs": { "/scratch": "size=3m,uid=1000" } }),
            "grep ' /scratch ' /proc/mounts | tr ', ' '\\n\\n'",
            vec![Prints("size=3072k"), Prints("uid=1000"), Prints("noexec")],
        ),
        row(
            "readOnly",
            json!({ "readOnly": true }),
            "touch /x 2>&1 | grep -o 'Read-only file system'; touch made && touch /dev/shm/x && echo the rest is not",
            vec![Prints("Read-only file system"), Prints("the rest is not")],
        ),
        row(
            "volumeDriver",
            json!({ "volumeDriver": "local", "volumes": ["/taffrail-driver"] }),
            "touch /taffrail-driver/x && echo written",
            vec![
                Prints("written"),
                Inspect("/HostConfig/VolumeDriver", json!("local")),
            ],
        ),
        row(
            "volumeDriver, unknown",
            json!({ "volumeDriver": "no-such-driver", "volumes": ["taffrail-never:/x"] }),
            "true",
            vec![Fails("no-such-driver")],
        ),
        row(
            "volumesFrom",
            json!({ "volumesFrom": [format!("{other}:ro")] }),
            "cat /shared/word",
            vec![Prints("from the other")],
        ),
        row(
            "fileHandlingStrategy: VOLUME",
            json!({ "fileHandlingStrategy": "VOLUME" }),
            "pwd; echo $WORKING_DIR; touch made && echo written",
            vec![
                Prints("/taffrail/work"),
                Prints("written"),
                Inspect("/Mounts/0/Type", json!("volume")),
                Inspect("/Mounts/0/Destination", json!("/taffrail")),
            ],
        ),
        row(
            "fileHandlingStrategy: MOUNT",
            json!({ "fileHandlingStrategy": "MOUNT" }),
            "touch made && echo written",
            vec![Prints("written"), Inspect("/Mounts/0/Type", json!("bind"))],
        ),
    ]
}

pub(super) fn network(other: &str) -> Vec<Row> {
    vec![
        row(
            "networkMode: none",
            json!({ "networkMode": "none" }),
            "echo $(ls /sys/class/net)",
            vec![Prints("lo")],
        ),
        row(
            "networkMode: host",
            json!({ "networkMode": "host" }),
            "[ -d /sys/class/net/docker0 ] && echo bridge is seen",
            vec![
                Prints("bridge is seen"),
                Inspect("/HostConfig/NetworkMode", json!("host")),
            ],
        ),
        row(
            "networkMode: bridge",
            json!({ "networkMode": "bridge" }),
            "echo $(ls /sys/class/net)",
            vec![Prints("eth0 lo")],
        ),
        row(
            "networkMode: container",
            json!({ "networkMode": format!("container:{other}") }),
            "hostname",
            vec![Prints("other-host")],
        ),
        row(
            "networkMode, named",
            json!({ "networkMode": format!("net-{other}") }),
            "echo $(ls /sys/class/net)",
            vec![Prints("eth0 lo")],
        ),
        row(
            "networkMode, unknown",
            json!({ "networkMode": "no-such-network" }),
            "true",
            vec![Fails("no-such-network")],
        ),
        row(
            "networkDisabled",
            json!({ "networkDisabled": true }),
            "echo $(ls /sys/class/net)",
            vec![Prints("lo")],
        ),
        row(
            "portBindings",
            json!({ "portBindings": ["127.0.0.1:39080:80/udp", "8080"] }),
            "true",
            vec![Inspect(
                "/HostConfig/PortBindings/80~1udp/0/HostIp",
                json!("127.0.0.1"),
            )],
        ),
        row(
            "publishAllPorts",
            json!({ "publishAllPorts": true }),
            "true",
            vec![Inspect("/HostConfig/PublishAllPorts", json!(true))],
        ),
        row(
            "macAddress",
            json!({ "macAddress": "02:42:ac:11:00:99" }),
            "cat /sys/class/net/eth0/address",
            vec![FailsOrPrints("1.44", "02:42:ac:11:00:99")],
        ),
        row(
            "dns, dnsOpt, dnsSearch",
            json!({ "dns": ["192.0.2.53"], "dnsOpt": ["ndots:3"], "dnsSearch": ["example.test"] }),
            "cat /etc/resolv.conf",
            vec![
                Prints("nameserver 192.0.2.53"),
                Prints("options ndots:3"),
                Prints("search example.test"),
            ],
        ),
        row(
            "extraHosts",
            json!({ "extraHosts": ["some.example.test:192.0.2.7"] }),
            "tr '\\t' ' ' < /etc/hosts",
            vec![Prints("192.0.2.7 some.example.test")],
        ),
        row(
            "links",
            json!({ "links": { other: "neighbour" }, "networkMode": "bridge" }),
            "grep -o neighbour /etc/hosts | head -n 1",
            vec![Prints("neighbour")],
        ),
        row(
            "workingDir",
            json!({ "workingDir": "/srv/app" }),
            "pwd",
            vec![
                Prints("/srv/app"),
                Inspect("/Config/WorkingDir", json!("/srv/app")),
            ],
        ),
        row(
            "workingDir of the image",
            json!({ "workingDir": "" }),
            "pwd",
            vec![Prints("/"), Inspect("/Config/WorkingDir", json!(""))],
        ),
        row(
            "hostname, domainname",
            json!({ "hostname": "box", "domainname": "example.test" }),
            "hostname; cat /proc/sys/kernel/domainname",
            vec![Prints("box"), Prints("example.test")],
        ),
    ]
}
