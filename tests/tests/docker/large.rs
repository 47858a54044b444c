//! Much to carry: a large file both ways with little memory, many small files, deep directories, modes.

use std::io::{Read, Seek, Write};
use std::time::Duration;

use taffrail_tests::flows::Ran;

use crate::support::{Yard, contained};

/// As large as one that would be seen if it were held in memory.
const LARGE: u64 = 512 << 20;

/// The most memory that the host may have taken by then, in kB; without any file it takes some 30 MB.
const MEMORY: u64 = 80_000;

/// The largest resident memory that a process has had, in kB; nothing once it is gone.
fn peak(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn a_large_file_goes_in_and_out_with_little_memory() {
    let Some(yard) = Yard::new("a_large_file_goes_in_and_out_with_little_memory") else {
        return;
    };
    // Mostly holes, with something to find at the end.
    let path = yard.world.write("large.bin", b"begin");
    let mut file = std::fs::File::options().write(true).open(&path).unwrap();
    file.seek(std::io::SeekFrom::Start(LARGE - 4)).unwrap();
    file.write_all(b"end\n").unwrap();
    let flow = format!(
        "inputs: [{{id: large, type: FILE}}]\n{}",
        contained(
            "inputFiles: {in.bin: \"{{ inputs.large }}\"}\noutputFiles: [out.bin]",
            "",
            "wc -c < in.bin; tail -c 4 in.bin; mv in.bin out.bin",
        )
    );
    let given = format!("large=@{}", path.display());
    let running = yard.runs(&flow, &["-i", &given]).start();
    let id = running.id();
    let watch = std::thread::spawn(move || {
        let mut seen = 0;
        while let Some(now) = peak(id) {
            seen = now;
            std::thread::sleep(Duration::from_millis(10));
        }
        seen
    });
    let finished = running.finish();
    let seen = watch.join().unwrap();
    finished.exits(0);
    let record = finished.json();
    let ran = Ran { finished, record };
    assert_eq!(
        ran.lines('|'),
        [LARGE.to_string().as_str(), "end"],
        "{}",
        ran.finished
    );
    let uri = ran.task("one")["outputs"]["outputFiles"]["out.bin"]
        .as_str()
        .unwrap();
    let stored = format!(
        "{}/storage{}",
        yard.world.state().display(),
        uri.trim_start_matches("kestra://")
    );
    let mut kept = std::fs::File::open(stored).unwrap();
    assert_eq!(kept.metadata().unwrap().len(), LARGE);
    let mut start = [0; 5];
    kept.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"begin");
    println!("{} MB both ways, {seen} kB at most", LARGE >> 20);
    assert!(seen > 5_000 && seen < MEMORY, "{seen} kB");
    yard.nothing_is_left(&ran.finished);
}

#[test]
fn many_files_deep_directories_and_modes() {
    let Some(yard) = Yard::new("many_files_deep_directories_and_modes") else {
        return;
    };
    for strategy in ["VOLUME", "MOUNT"] {
        let yard = yard.fresh();
        for number in 0..1000 {
            let name = format!("many/{}/{number}.txt", number % 7);
            yard.world.write(&name, number.to_string());
        }
        let deep = (1..=20)
            .map(|level| format!("d{level}"))
            .collect::<Vec<_>>()
            .join("/");
        yard.world
            .write(&format!("many/{deep}/bottom.txt"), "bottom");
        let tool = yard
            .world
            .write("many/tool.sh", "#!/bin/sh\necho tool ran\n");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&tool, mode).unwrap();
        let flow = contained(
            "namespaceFiles: {enabled: true}\noutputFiles: ['many/**', 'made/**']",
            &format!("fileHandlingStrategy: {strategy}"),
            &format!(
                "find . -name '*.txt' | wc -l\ncat many/{deep}/bottom.txt; echo\n./many/tool.sh\n\
                 mkdir -p made/private; echo run > made/run.sh; chmod 750 made/run.sh; echo x > made/private/x; chmod 700 made/private\n\
                 i=0; while [ $i -lt 1000 ]; do echo $i > made/$i.csv; i=$((i+1)); done"
            ),
        );
        let here = yard.world.here().display().to_string();
        let ran = yard.run(&flow, &["--namespace-files", &here], 0);
        assert_eq!(
            ran.lines('|'),
            ["1001", "bottom", "tool ran"],
            "{strategy}: {}",
            ran.finished
        );
        let files = ran.files("one");
        assert_eq!(files.len(), 1002 + 1002, "{strategy}");
        assert_eq!(
            yard.stored(&ran, "one", &format!("many/{deep}/bottom.txt")),
            "bottom"
        );
        assert_eq!(yard.stored(&ran, "one", "made/999.csv"), "999\n");
        assert_eq!(yard.stored(&ran, "one", "made/private/x"), "x\n");
    }
}
