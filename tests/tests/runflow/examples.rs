//! What runflow's documentation shows of tasks on the machine: each kind of flow of its pages, as it is written there in form.

use taffrail_tests::cli::{Finished, World};
use taffrail_tests::web::{Reply, WebServer};

/// Runs a flow, and what its tasks print without their ids.
fn run(world: &World, flow: &str, arguments: &[&str], code: i32) -> (Finished, Vec<String>) {
    world.write("flow.hcl", flow);
    let mut all = vec!["run", "flow.hcl", "-q"];
    all.extend(arguments);
    let finished = world.taffrail(all);
    finished.exits(code);
    let printed = finished
        .stdout
        .lines()
        .filter_map(|line| line.split_once('|').map(|(_, line)| line))
        .map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned())
        .collect();
    (finished, printed)
}

fn prints(flow: &str, arguments: &[&str], expected: &[&str]) {
    let (finished, printed) = run(&World::new(), flow, arguments, 0);
    assert_eq!(printed, expected, "{finished}");
}

#[test]
fn a_command_is_run() {
    prints(
        "# A comment.\n\n// Another.\nflow \"hello\" {\n\n  task \"bash_run\" \"echo\" {\n    command = \"echo 'hello world'\"\n  }\n}\n",
        &[],
        &["hello world"],
    );
}

#[test]
fn a_command_has_its_own_environment_and_the_folder_of_the_host() {
    let world = World::new();
    let flow = r#"flow "env" {
  task "bash_run" "echo" {
    command = "echo hello $GREETER from $(basename $PWD)"
    env = {
        "GREETER" = "world"
    }
  }
}
"#;
    let (_, printed) = run(&world, flow, &[], 0);
    let folder = world.here();
    let name = folder.file_name().unwrap().to_str().unwrap();
    assert_eq!(printed, [format!("hello world from {name}")]);
}

#[test]
fn variables_have_defaults_and_three_ways_to_be_given() {
    let flow = r#"flow "vars" {
  variable "greeter" {
    default = "world"
    required = true
  }
  variable "count" { default = 1 }
  task "bash_run" "echo" {
    command = "echo 'hello ${var.greeter} ${var.count + 1}'"
  }
}
"#;
    prints(flow, &[], &["hello world 2"]);
    prints(
        flow,
        &["--var", "greeter=a=b", "--var", "count=4"],
        &["hello a=b 5"],
    );
    let world = World::new();
    world.write(
        "vars.hcl",
        "key = \"run\"\ngreeter = \"${ key }flow\"\ncount = 2\n",
    );
    world.write("flow.hcl", flow);
    let of = |arguments: &[&str]| {
        let mut all = vec!["run", "flow.hcl", "-q"];
        all.extend(arguments);
        let finished = world
            .command(all)
            .env("RUNFLOW_VAR_greeter", "everybody")
            .finish();
        finished.stdout.clone()
    };
    assert_eq!(of(&[]), "bash_run_echo | hello everybody 2\n");
    assert_eq!(
        of(&["--var", "greeter=you"]),
        "bash_run_echo | hello you 2\n"
    );
    let finished = world.taffrail(["run", "flow.hcl", "-q", "--var-file", "vars.hcl"]);
    // The file says more than the flow declares.
    finished.exits(3).says(["`key`"]);
    world.write("vars.hcl", "greeter = \"runflow\"\ncount = 2\n");
    assert_eq!(
        of(&["--var-file", "vars.hcl"]),
        "bash_run_echo | hello runflow 3\n"
    );
}

#[test]
fn tasks_run_in_the_order_of_what_they_need() {
    for depends in [
        "",
        "    _depends_on = [\n      task.bash_run.greeter\n    ]\n",
    ] {
        prints(
            &format!(
                "flow \"deps\" {{\n  task \"bash_run\" \"echo\" {{\n    command = \"echo 'hello ${{task.bash_run.greeter.stdout}}'\"\n{depends}  }}\n\n  task \"bash_run\" \"greeter\" {{\n    command = \"echo '  ada  '\"\n  }}\n}}\n"
            ),
            &[],
            &["  ada  ", "hello ada"],
        );
    }
}

#[test]
fn a_network_of_tasks_runs_each_once() {
    let flow = r#"flow "network" {
  variable "content" { default = "x" }
  task "bash_run" "last" {
    command = "echo last"
    _depends_on = [
      task.bash_run.left,
      task.bash_run.right,
    ]
  }
  task "bash_run" "left" { command = "echo ${task.bash_run.first.stdout}" }
  task "bash_run" "right" { command = "echo ${task.bash_run.first.stdout}" }
  task "bash_run" "first" { command = "echo ${var.content}" }
}
"#;
    prints(flow, &[], &["x", "x", "x", "last"]);
}

#[test]
fn a_failure_keeps_those_from_running_that_need_it_and_no_others() {
    let flow = r#"flow "failing" {
  task "bash_run" "bad" { command = "echo bad; exit 7" }
  task "bash_run" "after" { command = "echo ${task.bash_run.bad.stdout}" }
  task "bash_run" "other" { command = "sleep 0.2; echo other" }
}
"#;
    let (finished, mut printed) = run(&World::new(), flow, &[], 4);
    printed.sort_unstable();
    assert_eq!(printed, ["bad", "other"], "{finished}");
    finished.says(["exit code 7", "flow.hcl:2:"]);
}

#[test]
fn conditions_decide_whether_a_task_and_those_behind_it_run() {
    let flow = r#"flow "conditions" {
  variable "version" { default = "0.6.0" }
  task "bash_run" "first" { command = "echo first" }
  task "file_write" "echo" {
    filename = "/dev/stdout"
    content = task.bash_run.first.stdout
    _depends_on = [
      var.version >= "0.6.0"
    ]
  }
  task "bash_run" "behind" {
    command = "echo behind"
    _depends_on = [task.file_write.echo]
  }
}
"#;
    prints(flow, &[], &["first", "first", "behind"]);
    prints(flow, &["--var", "version=0.1.0"], &["first"]);
}

#[test]
fn files_are_read_and_written() {
    let world = World::new();
    world.write("project.toml", "name = \"x\"\n");
    let flow = r#"flow "files" {
  variable "out" { default = "" }
  task "file_read" "this" {
    filename = "project.toml"
  }
  task "bash_run" "this" {
    command = "echo ${tojson(task.file_read.this.content)}"
  }
  task "file_write" "copy" {
    filename = var.out
    content = task.file_read.this.content
  }
  task "file_write" "binary" {
    filename = "deep/down.bin"
    b64content = task.file_read.this.b64content
    fs = {
      protocol = "local"
      auto_mkdir = true
    }
  }
}
"#;
    let (finished, printed) = run(&world, flow, &["--var", "out=out.txt"], 0);
    assert_eq!(printed, ["name = \"x\"", ""], "{finished}");
    for name in ["out.txt", "deep/down.bin"] {
        let text = std::fs::read_to_string(world.here().join(name)).unwrap();
        assert_eq!(text, "name = \"x\"\n", "{name}");
    }
    let missing = "flow \"missing\" {\n  task \"file_read\" \"this\" {\n    filename = \"__none__.toml\"\n  }\n}\n";
    let (finished, _) = run(&world, missing, &[], 4);
    finished.says(["cannot read `__none__.toml`", "flow.hcl:2:"]);
}

#[test]
fn values_are_shown() {
    let flow = r#"flow "shown" {
  task "file_write" "this" {
    filename = "/dev/stdout"
    content = tojson({
        web_proxy = {
            proxy_host = "127.0.0.1"
            proxy_port = 8964
        }
    })
  }
}
"#;
    let expected = r#"{"web_proxy": {"proxy_host": "127.0.0.1", "proxy_port": 8964}}"#;
    prints(flow, &[], &[expected]);
}

const TEMPLATE: &str = r#"flow "template" {

  variable "global" {
    default = "global"
  }

  task "hcl2_template" "this" {
    source = <<EOT
${ answer }
${ final.answer }
${ var.global }
${ 40 + 2 }
${ sum([20, 20, 2]) }
EOT

    context = {
      answer = 42
      final = {
        answer = 42
      }
    }
  }

  task "file_write" "this" {
    filename = "/dev/stdout"
    content = task.hcl2_template.this.content
  }
}
"#;

#[test]
fn a_template_has_names_of_its_own() {
    prints(TEMPLATE, &["--var", "global=42"], &["42"; 5]);
}

#[test]
fn a_flow_runs_another_by_its_path_its_module_and_its_text() {
    let world = World::new();
    world.write(
        "other/hello.hcl",
        "flow \"hello\" {\n  variable \"who\" { default = \"world\" }\n  task \"bash_run\" \"echo\" {\n    command = \"echo 'hello ${var.who}'\"\n  }\n}\n",
    );
    let of = |said: &str| {
        let flow = format!(
            "flow \"outer\" {{\n  task \"flow_run\" \"echo\" {{\n    {said}\n    vars = {{ who = \"世界\" }}\n    export {{\n      custom = \"task.bash_run.echo.stdout\"\n    }}\n  }}\n  task \"file_write\" \"again\" {{\n    filename = \"/dev/stdout\"\n    content = upper(task.flow_run.echo.custom)\n  }}\n}}\n"
        );
        let (finished, printed) = run(&world, &flow, &[], 0);
        assert_eq!(printed, ["hello 世界", "HELLO 世界"], "{finished}");
    };
    of("path = \"./other/hello.hcl\"");
    of("module = \"other.hello:flow\"");
    of(
        "source = <<-EOT\n      flow \"inner\" {\n        variable \"who\" {}\n        task \"bash_run\" \"echo\" {\n          command = \"echo 'hello $${var.who}'\"\n        }\n      }\n    EOT",
    );
}

#[test]
fn a_flow_is_a_task_type() {
    let world = World::new();
    world.write("other/template.hcl", TEMPLATE);
    let flow = "flow \"outer\" {\n  import {\n    tasks = {\n      custom_flow_run = \"other.template:flow\"\n    }\n  }\n  task \"custom_flow_run\" \"this\" {\n    global = 42\n  }\n}\n";
    let (finished, printed) = run(&world, flow, &[], 0);
    assert_eq!(printed, ["42"; 5], "{finished}");
}

#[test]
fn a_task_is_tried_again_and_ended_when_its_time_is_over() {
    let world = World::new();
    let flow = r#"flow "again" {
  task "bash_run" "third" {
    command = "echo x >> tries; test $(wc -l < tries) -ge 3"
    _retry = {
      stop_after = "10 seconds | 5 times"
      wait = wait_fixed(0.01)
    }
  }
}
"#;
    run(&world, flow, &[], 0);
    let tries = std::fs::read_to_string(world.here().join("tries")).unwrap();
    assert_eq!(tries, "x\nx\nx\n");
    let late = "flow \"late\" {\n  task \"bash_run\" \"this\" {\n    command = \"sleep 30\"\n    _timeout = 0.1\n  }\n}\n";
    let (finished, _) = run(&world, late, &[], 7);
    finished.says(["timed out after 100ms", "flow.hcl:2:"]);
}

#[test]
fn servers_are_asked() {
    let server = WebServer::start(|asked| {
        if asked.target.starts_with("/gone") {
            return Reply::new(404, "nothing");
        }
        Reply::new(200, format!("{{\"got\": {:?}}}", asked.text()))
            .header("X-Method", &*asked.method)
    });
    let flow = format!(
        r#"flow "web" {{
  task "http_request" "get" {{
    method = "GET"
    url = "{get}"
    headers = {{
      "Accept" = "application/vnd.github.v3+json"
    }}
    params = {{ q = "a b" }}
    timeout = 3
  }}
  task "http_request" "post" {{
    method = "POST"
    url = "{get}"
    json = {{
      "text" = task.http_request.get.response.status_code
    }}
    timeout = {{ timeout = 10, connect = 2 }}
  }}
  task "http_request" "gone" {{
    method = "GET"
    url = "{gone}"
    raise_for_status = false
  }}
  task "file_write" "this" {{
    filename = "/dev/stdout"
    content = "${{task.http_request.post.response.headers.x-method}} ${{call(task.http_request.post.response, "json").got}} ${{task.http_request.gone.response.status_code}}"
  }}
}}
"#,
        get = server.address("/path"),
        gone = server.address("/gone"),
    );
    let (finished, printed) = run(&World::new(), &flow, &[], 0);
    assert_eq!(printed, ["POST {\"text\":200} 404"], "{finished}");
    let asked = server.asked();
    let get = asked
        .iter()
        .find(|asked| asked.method == "GET" && asked.target.starts_with("/path"))
        .unwrap();
    assert_eq!(get.target, "/path?q=a%20b");
    assert_eq!(get.header("accept"), Some("application/vnd.github.v3+json"));
}

#[test]
fn converted_flows_run_the_same() {
    let world = World::new();
    world.write("flow.hcl", TEMPLATE);
    let yaml = world.taffrail(["convert", "flow.hcl"]);
    yaml.exits(0);
    world.write("flow.yaml", &yaml.stdout);
    world
        .taffrail(["validate", "flow.yaml", "flow.hcl"])
        .exits(0);
    let plan = |name: &str| {
        let planned = world.taffrail(["plan", name, "-o", "json"]);
        planned.exits(0);
        planned.json()
    };
    assert_eq!(plan("flow.yaml"), plan("flow.hcl"));
    let ran = world.taffrail(["run", "flow.yaml", "-q", "-i", "global=42"]);
    ran.exits(0);
    assert_eq!(ran.stdout.matches("| 42\n").count(), 5, "{ran}");
    world.write("other.yaml", "id: x\n");
    world.taffrail(["convert", "other.yaml"]).exits(2);
}
