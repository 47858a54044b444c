//! What the tasks of a Dag need: names become places, and a circle is told where it closes.

use super::task::Task;
use crate::diagnostic::{Code, Diagnostic};
use crate::suggest::did_you_mean;
use crate::yaml::{Node, push_index, push_key};

/// For each task the places of those that it needs. `list` holds the wrapped tasks, `tasks` those of them that could be read.
pub(super) fn needs(
    list: &Node,
    path: &str,
    tasks: &[Task],
    found: &mut Vec<Diagnostic>,
) -> Vec<Vec<usize>> {
    let names: Vec<Option<&str>> = list
        .items()
        .iter()
        .map(|item| Some(&*item.get("task")?.get("id")?.scalar()?.text))
        .collect();
    let mut needs = vec![Vec::new(); tasks.len()];
    for (index, item) in list.items().iter().enumerate() {
        let own = names[index].and_then(|name| place(tasks, name));
        let wanted = item.get("dependsOn").map(Node::items).unwrap_or_default();
        for (number, node) in wanted.iter().enumerate() {
            let Some(scalar) = node.scalar() else {
                continue;
            };
            let mut path = path.to_owned();
            push_index(&mut path, index);
            push_key(&mut path, "dependsOn");
            push_index(&mut path, number);
            let wanted = &*scalar.text;
            if names[index] == Some(wanted) {
                found.push(
                    Diagnostic::error(
                        Code::WrongValue,
                        node.span,
                        format!("task `{wanted}` needs itself"),
                    )
                    .path(path),
                );
                continue;
            }
            if !names.contains(&Some(wanted)) {
                let message = format!("no task named `{wanted}` in this Dag");
                let diagnostic =
                    Diagnostic::error(Code::UnknownReference, node.span, message).path(path);
                found.push(
                    match did_you_mean(wanted, names.iter().copied().flatten()) {
                        Some(near) => {
                            diagnostic.fix(format!("did you mean `{near}`?"), node.span, near)
                        }
                        None => diagnostic,
                    },
                );
                continue;
            }
            if let (Some(own), Some(needed)) = (own, place(tasks, wanted))
                && !needs[own].contains(&needed)
            {
                needs[own].push(needed);
            }
        }
    }
    if let Some(circle) = circle(&needs) {
        let listed: Vec<String> = circle
            .iter()
            .chain(circle.first())
            .map(|place| format!("`{}`", tasks[*place].id.value))
            .collect();
        let id = &tasks[circle[0]].id;
        found.push(
            Diagnostic::error(
                Code::WrongValue,
                id.span,
                format!("task `{}` needs itself", id.value),
            )
            .label(listed.join(" needs "))
            .path(path),
        );
    }
    needs
}

fn place(tasks: &[Task], id: &str) -> Option<usize> {
    tasks.iter().position(|task| &*task.id.value == id)
}

/// One circle of needs, where there is any. Without recursion: a long chain is no deep stack.
fn circle(needs: &[Vec<usize>]) -> Option<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; needs.len()];
    for start in 0..needs.len() {
        let mut way: Vec<(usize, usize)> = Vec::new();
        if marks[start] == Mark::New {
            marks[start] = Mark::Open;
            way.push((start, 0));
        }
        while let Some((place, next)) = way.last_mut() {
            let Some(&needed) = needs[*place].get(*next) else {
                marks[*place] = Mark::Done;
                way.pop();
                continue;
            };
            *next += 1;
            match marks[needed] {
                Mark::Done => {}
                Mark::New => {
                    marks[needed] = Mark::Open;
                    way.push((needed, 0));
                }
                Mark::Open => {
                    let from = way.iter().position(|(place, _)| *place == needed)?;
                    return Some(way[from..].iter().map(|(place, _)| *place).collect());
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::circle;

    #[test]
    fn circles_are_found_and_long_chains_are_none() {
        assert_eq!(circle(&[vec![], vec![0], vec![0, 1]]), None);
        assert_eq!(circle(&[vec![1], vec![2], vec![1]]), Some(vec![1, 2]));
        let chain: Vec<Vec<usize>> = (0..100_000)
            .map(|place| if place == 0 { vec![] } else { vec![place - 1] })
            .collect();
        assert_eq!(circle(&chain), None);
        assert_eq!(circle(&[]), None);
    }
}
