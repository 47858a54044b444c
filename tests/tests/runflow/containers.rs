//! What runflow's page on `docker_run` shows, in containers of an engine of the tests.

use taffrail_tests::cli::World;
use taffrail_tests::docker::engine::Engine;
use taffrail_tests::docker::images;

fn run(engine: &Engine, flow: &str, code: i32) -> (String, String) {
    let world = World::new();
    world.write("flow.hcl", flow);
    let finished = world
        .command(["run", "flow.hcl", "--var", "out=out.txt"])
        .env("DOCKER_HOST", engine.url())
        .finish();
    finished.exits(code);
    let out = std::fs::read_to_string(world.here().join("out.txt")).unwrap_or_default();
    (out, finished.to_string())
}

fn flow(task: &str) -> String {
    format!(
        "flow \"docker\" {{\n  variable \"out\" {{\n    default = \"\"\n  }}\n\n  task \"docker_run\" \"this\" {{\n    image   = \"ubuntu:latest\"\n{task}\n  }}\n\n  task \"file_write\" \"hello-world\" {{\n    filename = var.out\n    content = task.docker_run.this.stdout\n  }}\n}}\n"
    )
}

#[test]
fn the_examples_of_docker_run_do_what_the_page_shows() {
    let Some(engine) = Engine::shared("the_examples_of_docker_run_do_what_the_page_shows") else {
        return;
    };
    images::tools(engine);
    let (out, shown) = run(engine, &flow("    command = \"echo hello world\""), 0);
    assert_eq!(out, "hello world", "{shown}");
    let env = "    command = \"env\"\n    environment = {\n      \"greeter\": \"world\"\n    }";
    let (out, shown) = run(engine, &flow(env), 0);
    for part in ["greeter=world", "HOSTNAME=", "HOME=/root", "PATH="] {
        assert!(
            out.lines().any(|line| line.starts_with(part)),
            "{part}: {out}\n{shown}"
        );
    }
    let entry_point = "    entrypoint  = [\"/bin/echo\"]\n    command     = \"runflow is awesome\"";
    let (out, shown) = run(engine, &flow(entry_point), 0);
    assert_eq!(out, "runflow is awesome", "{shown}");
    let failing = "    command     = \"/bin/sh -c 'echo gone; exit 1'\"";
    let (out, shown) = run(engine, &flow(failing), 4);
    assert_eq!(out, "");
    assert!(
        shown.contains("exit code 1") && shown.contains("flow.hcl:6:"),
        "{shown}"
    );
}

#[test]
fn a_container_begins_where_its_image_says_and_both_streams_can_be_read() {
    let Some(engine) =
        Engine::shared("a_container_begins_where_its_image_says_and_both_streams_can_be_read")
    else {
        return;
    };
    images::tools(engine);
    let of = |task: &str| {
        run(
            engine,
            &flow(task).replace("ubuntu:latest", images::DECORATED),
            0,
        )
    };
    let (out, shown) = of("    command = [\"sh\", \"-c\", \"pwd; echo $FROM_IMAGE\"]");
    assert_eq!(out, "/srv\nyes", "{shown}");
    let (out, shown) = of("    command = \"pwd\"\n    working_dir = \"/tmp\"");
    assert_eq!(out, "/tmp", "{shown}");
    let (out, shown) = of("    command = \"sh -c 'echo out; echo err >&2'\"\n    stderr = true");
    assert_eq!(out, "out\nerr", "{shown}");
    let (out, shown) = of(
        "    command = \"sh -c 'echo out; echo err >&2'\"\n    stdout = false\n    stderr = true",
    );
    assert_eq!(out, "err", "{shown}");
    // What a text holds is known only when it runs, and it is cut into words then.
    let (out, shown) = of("    command = \"echo ${upper(\"'a  b'\")} c\"");
    assert_eq!(out, "A  B c", "{shown}");
}
